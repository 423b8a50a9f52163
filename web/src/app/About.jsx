/** Version and licences. */
export function About() {
  return null;
}
