/** What went wrong, for programs (`code`) and people (`message`). */
export class FeedError extends Error {
  /**
   * @param {string} code the server's, or `closed`, `aborted`, `overflow`, `network`, `bad_frame`
   * @param {string} message
   * @param {{retryable?: boolean, status?: number, cause?: unknown}} [more]
   */
  constructor(code, message, { retryable = false, status, cause } = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'FeedError';
    this.code = code;
    /** Whether the same request may succeed later. */
    this.retryable = retryable;
    /** The HTTP status or close code, where there is one. */
    this.status = status;
  }
}
