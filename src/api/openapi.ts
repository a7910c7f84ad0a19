/** The API described by itself, from the schemas that it checks with: OpenAPI 3.1. */
import swagger from '@fastify/swagger';
import type { FastifyInstance } from 'fastify';
import { jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod';
import { KIND_NAMES } from '../model/definition.ts';
import { kindOf } from '../model/kinds.ts';
import { type Described, referencePage, STYLE } from './reference.ts';

const DESCRIPTION = `Everything that Netloom does, it does through this API; the command line is a client of it.

Objects go in and out in one form. On the way out, \`meta\` says their id and revision, and \`status\` what Netloom knows
about them; both may be sent back, and are ignored but for \`meta.revision\`: the change is then refused when the object
has been changed since. Every error is a problem (RFC 9457) with all its reasons in \`findings\`.`;

/** To be called before the routes are. */
export async function installOpenApi(app: FastifyInstance, version: string): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Netloom',
        version,
        description: DESCRIPTION,
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      servers: [{ url: '/' }],
      tags: [
        { name: 'changes', description: 'Many objects in one change, and the journal of all changes' },
        { name: 'probe', description: 'Pings and walks with real frames' },
        { name: 'people', description: 'Login, passwords, API tokens and sessions' },
        { name: 'system', description: 'Health and state' },
        ...KIND_NAMES.map((kind) => ({ name: kindOf(kind).plural, description: kindOf(kind).summary })),
      ],
      components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
      security: [{ token: [] }],
    },
    transform: (route) => {
      const { schema, url } = jsonSchemaTransform(route);
      const { permission } = route.route.config ?? {};
      return { schema: { ...schema, 'x-permission': permission }, url };
    },
    transformObject: jsonSchemaTransformObject,
  });
}

/** The document and its page. */
export function openApiRoutes(app: FastifyInstance): void {
  const hide = { hide: true };
  // Made once, when somebody asks: it takes longer than everything else at the start.
  let made: Described | undefined;
  const document = () => {
    made ??= withoutUnused(JSON.parse(JSON.stringify(app.swagger())) as Described);
    return made;
  };
  app.get('/api/openapi.json', { config: { permission: 'self' }, schema: hide }, async () => document());
  app.get('/api/reference', { config: { permission: 'self' }, schema: hide }, async (_request, reply) =>
    reply.type('text/html; charset=utf-8').send(referencePage(document())),
  );
  app.get('/api/reference.css', { config: { permission: 'public' }, schema: hide }, async (_request, reply) =>
    reply.type('text/css; charset=utf-8').send(STYLE),
  );
  app.get('/', { config: { permission: 'self' }, schema: hide }, async (_request, reply) =>
    reply.redirect('/api/reference', 303),
  );
}

/** Without the schemas that nothing refers to: each is made for the way in and the way out, and most go one way only. */
function withoutUnused(document: Described): Described {
  const all = document.components.schemas;
  const used = new Set<string>();
  const visit = (value: unknown): void => {
    for (const [, name] of JSON.stringify(value).matchAll(/"#\/components\/schemas\/([^"]+)"/g)) {
      if (name === undefined || used.has(name)) continue;
      used.add(name);
      visit(all[name]);
    }
  };
  visit(document.paths);
  const schemas = Object.fromEntries(Object.entries(all).filter(([name]) => used.has(name)));
  return { ...document, components: { ...document.components, schemas } };
}
