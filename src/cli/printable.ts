/**
 * Text that only shows, whatever is in it. Names, descriptions and messages are other people's, and a terminal does
 * what control characters in them say: clear the screen, set its title, hide or forge lines. They are shown as JSON
 * writes them (`\u001b`), which they also stay in JSON that is piped on.
 */

/** C0 but for tab and line feed, DEL, C1 (ECMA-48), and what turns the direction of text around (UAX #9). */
const CONTROL =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2028\u2029\u2066-\u2069]/g;

/** What this program itself sets, and what does no harm: bold, dim, red, green, yellow, and back. */
const OWN = /^\[(?:1|2|22|31|32|33|39)m/;

export function printable(text: string): string {
  return text.replace(CONTROL, (character, at: number) => {
    if (character === '\u001b' && OWN.test(text.slice(at + 1, at + 5))) return character;
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}
