/** What to type: in a checkout there is no `netloom` on the path, and the sources are what runs. */
export const PROGRAM = import.meta.url.endsWith('.ts') ? 'npx netloom' : 'netloom';
