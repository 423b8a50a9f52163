/** The views, in the order of the navigation. Their words in the URL are in core/route.js. */
import { About } from './About.jsx';
import { Connect } from './Connect.jsx';
import { Markets } from './Markets.jsx';
import { Server } from './Server.jsx';
import { Tape } from './Tape.jsx';

export const VIEWS = [
  { name: 'markets', title: 'Markets', Component: Markets },
  { name: 'tape', title: 'Tape', Component: Tape },
  { name: 'server', title: 'Server', Component: Server },
  { name: 'connect', title: 'Connect', Component: Connect },
  { name: 'about', title: 'About', Component: About },
];
