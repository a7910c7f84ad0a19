/** Who the journal says did it. There is one token, so there is one author, until there are users. */
export const AUTHOR = 'operator';
