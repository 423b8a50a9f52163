/** Pictures for buttons, drawn with strokes of the text's colour. */
const PATHS = {
  sun: <><circle cx="8" cy="8" r="3" /><path d="M8 1v1.5M8 13.5V15M1 8h1.5M13.5 8H15M3.05 3.05l1.06 1.06M11.9 11.9l1.05 1.05M3.05 12.95l1.06-1.06M11.9 4.1l1.05-1.05" /></>,
  moon: <path d="M13.5 9.6A5.8 5.8 0 0 1 6.4 2.5a5.8 5.8 0 1 0 7.1 7.1Z" />,
  auto: <><circle cx="8" cy="8" r="6" /><path d="M8 2v12a6 6 0 0 0 0-12Z" fill="currentColor" /></>,
  gear: <><path d="M2 4.5h6M12 4.5h2M2 11.5h2M8 11.5h6" /><circle cx="10" cy="4.5" r="1.75" /><circle cx="6" cy="11.5" r="1.75" /></>,
  help: <><circle cx="8" cy="8" r="6.25" /><path d="M6.2 6.2c.2-2.2 3.7-2.1 3.6 0 0 1.4-1.8 1.4-1.8 2.8" /><path d="M8 11.4v.1" /></>,
  columns: <path d="M2 3h12v10H2zM6 3v10M10 3v10" />,
  plus: <path d="M8 3v10M3 8h10" />,
  close: <path d="m4 4 8 8M12 4l-8 8" />,
  up: <path d="m4 10 4-4 4 4" />,
  down: <path d="m4 6 4 4 4-4" />,
  star: <path d="m8 1.8 1.9 3.9 4.3.6-3.1 3 .7 4.3L8 11.6l-3.8 2 .7-4.3-3.1-3 4.3-.6Z" />,
  bell: <path d="M3.5 11.5h9L11.3 9V6.5a3.3 3.3 0 0 0-6.6 0V9ZM6.7 13.8h2.6" />,
  play: <path d="M5 3.2v9.6L12.8 8Z" fill="currentColor" />,
  pause: <path d="M4.5 3.3h2v9.4h-2zM9.5 3.3h2v9.4h-2z" fill="currentColor" />,
  start: <><path d="M3.5 3.5v9" /><path d="M12.5 3.7v8.6L6.2 8Z" fill="currentColor" /></>,
  back: <><path d="M4.5 4v8" /><path d="M11.5 4v8L6.3 8Z" fill="currentColor" /></>,
  step: <><path d="M11.5 4v8" /><path d="M4.5 4v8L9.7 8Z" fill="currentColor" /></>,
  loop: <path d="m11 2.2 2 2-2 2M13 4.2H5.6A2.9 2.9 0 0 0 2.7 7v.8M5 13.8l-2-2 2-2M3 11.8h7.4A2.9 2.9 0 0 0 13.3 9v-.8" />,
  lock: <path d="M5 7.3V5.2a3 3 0 0 1 6 0v2.1M3.5 7.3h9v6h-9z" />,
  copy: <path d="M6 6h7v8H6zM3.5 10V2.5H10" />,
  check: <path d="m3.5 8.5 3 3 6-7" />,
  trash: <path d="M3 4.5h10M6.3 4.5V2.8h3.4v1.7M4.3 4.5l.7 9h6l.7-9" />,
  info: <><circle cx="8" cy="8" r="6.25" /><path d="M8 7.5v3.7M8 4.8v.1" /></>,
  search: <><circle cx="7" cy="7" r="4.5" /><path d="m10.5 10.5 3.5 3.5" /></>,
  download: <path d="M8 2v8M4.5 7 8 10.5 11.5 7M2.5 13.5h11" />,
};

/** @param {{name: keyof PATHS, isFilled?: boolean}} props */
export function Icon({ name, isFilled = false }) {
  return (
    <svg width="16" height="16" viewBox="0 0 16 16" fill={isFilled ? 'currentColor' : 'none'} stroke="currentColor"
      stroke-width="1.4" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">{PATHS[name]}</svg>
  );
}
