/** A part of the page that may fail alone: it says so and offers to try again, the rest goes on. */
import { Component } from 'preact';

export class Panel extends Component {
  state = { error: null };

  componentDidCatch(error) {
    console.error('pricecast: a panel failed', error);
    this.setState({ error });
  }

  componentDidUpdate({ name }) {
    if (name !== this.props.name && this.state.error) this.setState({ error: null });
  }

  render({ name, children }, { error }) {
    if (!error) return children;
    return (
      <section class="failed" role="alert">
        <p class="failedTitle">{name} failed</p>
        <p class="failedText">{String(error.message || error)}</p>
        <button type="button" class="button" onClick={() => this.setState({ error: null })}>Try again</button>
      </section>
    );
  }
}
