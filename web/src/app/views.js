/** The views, in the order of the navigation. Their words in the URL are in core/route.js. */
import { lazy } from './lazy.jsx';
import { Markets } from './Markets.jsx';

const About = lazy(async () => (await import('./About.jsx')).About);
const Connect = lazy(async () => (await import('./Connect.jsx')).Connect);
const Server = lazy(async () => (await import('./Server.jsx')).Server);
const Tape = lazy(async () => (await import('./Tape.jsx')).Tape);

export const VIEWS = [
  { name: 'markets', title: 'Markets', Component: Markets },
  { name: 'tape', title: 'Tape', Component: Tape },
  { name: 'server', title: 'Server', Component: Server },
  { name: 'connect', title: 'Connect', Component: Connect },
  { name: 'about', title: 'About', Component: About },
];
