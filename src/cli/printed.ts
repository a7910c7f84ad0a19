/** What commands print in the forms for programs, and in their own words otherwise. */
import { stringify } from 'yaml';

export function printed<T>(
  value: T,
  form: 'table' | 'text' | 'json' | 'yaml',
  words: (value: T) => string,
): string {
  switch (form) {
    case 'json':
      return `${JSON.stringify(value, null, 2)}\n`;
    case 'yaml':
      return stringify(value, { aliasDuplicateObjects: false });
    case 'table':
    case 'text':
      return words(value);
  }
}
