/** What a Markdown text refers to: links, files, scripts. Only as much Markdown as our documents use. */

/** Headings as GitHub names them in links: `## Two VLAN tags` is `two-vlan-tags`; a second one of a name gets `-1`. */
export function anchorsOf(text: string): Set<string> {
  const anchors = new Set<string>();
  for (const [, heading = ''] of withoutFences(text).matchAll(/^#{1,6} +(.+?) *$/gm)) {
    const plain = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase();
    const name = plain.replace(/[^\p{L}\p{N}\s_-]/gu, '').replaceAll(' ', '-');
    let anchor = name;
    for (let n = 1; anchors.has(anchor); n++) anchor = `${name}-${n}`;
    anchors.add(anchor);
  }
  return anchors;
}

/** Targets of links within the repository: `pipeline.md#mtu`, `#mtu`, `../README.md`. */
export function linksOf(text: string): string[] {
  const prose = withoutFences(text).replace(/`[^`\n]*`/g, '');
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map((m) => m[1]!).filter((to) => !/^[a-z]+:/.test(to));
}

const FILE = /^[\w.@-]+(?:\/[\w.@-]+)*\.(?:ts|js|json|md|proto|yaml|yml|hex|fig)$/;
const FOLDER = /^\.?[\w-]+(?:\/[\w.-]+)+\/?$/;

/**
 * Files and folders that the text names as code: `src/flow/text.ts`, `flow/text.ts`, `text.ts`, `src/flow/`. A folder
 * counts when it begins with one of `roots`; patterns and placeholders (`*.md`, `<kind>.ts`) do not count.
 */
export function filesNamedIn(text: string, roots: readonly string[]): string[] {
  const spans = [...withoutFences(text).matchAll(/`([^`\n]+)`/g)].map((m) => m[1]!);
  return spans.filter(
    (span) => FILE.test(span) || (FOLDER.test(span) && roots.includes(span.split('/')[0]!)),
  );
}

/** Scripts of package.json that the text tells to run. */
export function scriptsNamedIn(text: string): string[] {
  return [...text.matchAll(/\bnpm run ([\w:-]+)/g)].map((m) => m[1]!);
}

function withoutFences(text: string): string {
  return text.replace(/^```[\s\S]*?^```$/gm, '');
}
