/**
 * The reference page: the OpenAPI document as one HTML page without a script, so that it works without a network and
 * under a policy that lets no script run.
 */

/** As much of an OpenAPI 3.1 document as the page shows. */
export interface Described {
  readonly openapi: string;
  readonly info: { readonly title: string; readonly version: string; readonly description: string };
  readonly tags: readonly { readonly name: string; readonly description: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

interface Operation {
  readonly operationId: string;
  readonly tags?: readonly string[];
  readonly summary?: string;
  readonly description?: string;
  readonly parameters?: readonly {
    readonly name: string;
    readonly in: string;
    readonly required?: boolean;
    readonly description?: string;
    readonly schema: Schema;
  }[];
  readonly requestBody?: { readonly content: Content };
  readonly responses: Readonly<Record<string, { readonly description?: string; readonly content?: Content }>>;
}

type Content = Readonly<Record<string, { readonly schema?: Schema }>>;

interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly default?: unknown;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | boolean;
  readonly required?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
}

export const STYLE = `
body { font: 15px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 62rem; padding: 1rem 1.5rem 4rem; color: #1b1f24; background: #fff; }
h1 { margin-bottom: 0; } h2 { margin-top: 3rem; border-bottom: 1px solid #d0d7de; }
code, pre { font: 13px/1.5 ui-monospace, monospace; background: #f3f5f7; border-radius: 3px; }
code { padding: .1em .3em; overflow-wrap: anywhere; } pre { padding: .7rem; overflow: auto; }
details { margin: .4rem 0; border: 1px solid #d0d7de; border-radius: 4px; padding: .3rem .7rem; } summary { cursor: pointer; }
.method { display: inline-block; min-width: 4.2rem; font-weight: 600; }
table { border-collapse: collapse; width: 100%; margin: .5rem 0; } td, th { text-align: left; vertical-align: top; padding: .2rem .6rem .2rem 0; border-top: 1px solid #e6e9ec; }
nav a { margin-right: .8rem; white-space: nowrap; } .quiet { color: #59636e; }
@media (prefers-color-scheme: dark) { body { color: #d6dbe1; background: #15181c; } code, pre { background: #22272d; } details, h2, td, th { border-color: #363c44; } a { color: #7ab4ff; } .quiet { color: #98a2ad; } }
`;

export function referencePage(document: Described): string {
  const { info, tags, paths, components } = document;
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  );
  const sections = tags.map(({ name, description }) => {
    const own = operations.filter(({ operation }) => operation.tags?.includes(name));
    return `<h2 id="${text(name)}">${text(name)}</h2><p>${text(description)}</p>${own.map(operationHtml).join('')}`;
  });
  const schemas = Object.entries(components.schemas)
    .filter(([name]) => !(name.endsWith('Input') && components.schemas[name.slice(0, -'Input'.length)]))
    .map(([name, schema]) => schemaHtml(name, schema));
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${text(info.title)} API</title>
<link rel="stylesheet" href="/api/reference.css"></head>
<body>
<h1>${text(info.title)} API</h1>
<p class="quiet">Version ${text(info.version)}. The same for programs: <a href="/api/openapi.json">openapi.json</a> (OpenAPI ${text(document.openapi)}).</p>
${info.description
  .split('\n\n')
  .map((paragraph) => `<p>${prose(paragraph)}</p>`)
  .join('\n')}
<p>Try it: <code>curl -H "Authorization: Bearer $(cat ~/.local/share/netloom/token)" http://127.0.0.1:7300/api/v1/status</code></p>
<nav>${tags.map(({ name }) => `<a href="#${text(name)}">${text(name)}</a>`).join(' ')} <a href="#schemas">schemas</a></nav>
${sections.join('\n')}
<h2 id="schemas">schemas</h2>
${schemas.join('\n')}
</body>
</html>
`;
}

function operationHtml({ path, method, operation }: { path: string; method: string; operation: Operation }) {
  const { operationId, summary = '', description = '', parameters = [], requestBody, responses } = operation;
  const body = Object.values(requestBody?.content ?? {})[0]?.schema;
  const rows = parameters.map(
    (p) =>
      `<tr><td><code>${text(p.name)}</code> <span class="quiet">${text(p.in)}${p.required ? ', required' : ''}</span></td><td>${typeHtml(p.schema)}</td><td>${prose(p.description ?? p.schema.description ?? '')}</td></tr>`,
  );
  const answers = Object.entries(responses).map(([status, response]) => {
    const schema = Object.values(response.content ?? {})[0]?.schema;
    const words = response.description ?? schema?.description ?? '';
    return `<tr><td><code>${text(status)}</code></td><td>${schema ? typeHtml(schema) : ''}</td><td>${prose(words)}</td></tr>`;
  });
  return `<details id="${text(operationId)}"><summary><span class="method">${text(method.toUpperCase())}</span> <code>${text(path)}</code> ${text(summary)}</summary>
<p>${prose(description)}</p>
${rows.length > 0 ? `<table><tr><th>Parameter</th><th>Type</th><th></th></tr>${rows.join('')}</table>` : ''}
${body ? `<p>Body: ${typeHtml(body)}</p>${body.properties ? fieldsHtml(body) : ''}` : ''}
<table><tr><th>Answer</th><th>Type</th><th></th></tr>${answers.join('')}</table></details>`;
}

function schemaHtml(name: string, schema: Schema): string {
  return `<details id="schema-${text(name)}"><summary><code>${text(name)}</code> ${prose(schema.description ?? '')}</summary>${fieldsHtml(schema)}</details>`;
}

function fieldsHtml(schema: Schema): string {
  const rows = Object.entries(schema.properties ?? {}).map(([name, field]) => {
    const need = schema.required?.includes(name) ? '' : ' <span class="quiet">optional</span>';
    const inner = (field.properties ?? field.items?.properties) ? fieldsHtml(field.items ?? field) : '';
    const preset =
      field.default === undefined ? '' : ` Default: <code>${text(JSON.stringify(field.default))}</code>.`;
    return `<tr><td><code>${text(name)}</code>${need}</td><td>${typeHtml(field)}</td><td>${prose(field.description ?? '')}${preset}${inner}</td></tr>`;
  });
  return `<table>${rows.join('')}</table>`;
}

/** A type in a few words, with links to what it names. */
function typeHtml(schema: Schema): string {
  if (schema.$ref !== undefined) {
    const name = schema.$ref.slice(schema.$ref.lastIndexOf('/') + 1).replace(/Input$/, '');
    return `<a href="#schema-${text(name)}">${text(name)}</a>`;
  }
  if (schema.enum) return schema.enum.map((value) => `<code>${text(JSON.stringify(value))}</code>`).join(' ');
  if (schema.const !== undefined) return `<code>${text(JSON.stringify(schema.const))}</code>`;
  if (schema.anyOf) return schema.anyOf.map(typeHtml).join(' or ');
  if (schema.items) return `list of ${typeHtml(schema.items)}`;
  const bounded = schema.minimum !== undefined && schema.maximum !== undefined && schema.maximum < 2 ** 50;
  const range = bounded ? ` ${schema.minimum} to ${schema.maximum}` : '';
  return text(`${[schema.type ?? 'any'].flat().join(' or ')}${range}`);
}

/** Escaped, with `code` between backticks. */
function prose(words: string): string {
  return text(words).replace(/`([^`]+)`/g, '<code>$1</code>');
}

function text(words: string): string {
  return words
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
