/**
 * The fields of requests (queries and bodies that are not objects of the model), checked by zod and refused with
 * findings. Objects of the model are read by `model/read.ts`, as in a file.
 */
import type { FastifyInstance, FastifySchemaCompiler, FastifyTypeProvider } from 'fastify';
import { z } from 'zod';
import { type Finding, finding, NetloomError } from '../base/error.ts';
import { nearest } from '../model/suggest.ts';

/** Types of a handler's query, parameters and body from the route's zod schemas. */
export interface RequestTypes extends FastifyTypeProvider {
  readonly validator: this['schema'] extends z.ZodType ? z.output<this['schema']> : unknown;
  readonly serializer: unknown;
}

export function installChecks(app: FastifyInstance): void {
  app.setValidatorCompiler(checkRequest);
  // What goes out is made by typed code; the schemas describe it.
  app.setSerializerCompiler(() => JSON.stringify);
}

export const checkRequest: FastifySchemaCompiler<unknown> = ({ schema, httpPart }) => {
  if (!(schema instanceof z.ZodType)) throw new TypeError('a route is described by zod schemas');
  return (data: unknown) => {
    const given = data ?? (httpPart === 'body' ? undefined : {});
    const result = schema.safeParse(given);
    if (result.success) return { value: result.data };
    const [first, ...rest] = result.error.issues.flatMap((issue) =>
      findingsOf(issue, schema, given, httpPart),
    );
    // Fastify writes its own code on the error, so the one with ours goes inside.
    return { error: new Error('invalid request', { cause: new NetloomError([first!, ...rest]) }) };
  };
};

/** Leaves the body to the handler, which reads objects of the model out of it. */
export const bodyByHandler: FastifySchemaCompiler<unknown> = (route) =>
  route.httpPart === 'body' ? (value: unknown) => ({ value }) : checkRequest(route);

function findingsOf(
  issue: z.core.$ZodIssue,
  schema: z.ZodType,
  data: unknown,
  part: string | undefined,
): Finding[] {
  const path = issue.path.map(String).join('.');
  const value = issue.path.reduce<unknown>(
    (at, step) => (typeof at === 'object' && at !== null ? Reflect.get(at, step) : undefined),
    data,
  );
  const where = part === 'querystring' ? 'The query' : 'The request';
  if (issue.code === 'unrecognized_keys') {
    const known = schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
    return issue.keys.map((key) => {
      const guess = nearest(key, known);
      const remedy = guess ? `Did you mean ${guess}?` : `Remove it. There are ${known.join(', ')}.`;
      return finding('field-unknown', key, `${where} has no field ${show(key)}.`, remedy);
    });
  }
  if (value === undefined) {
    const what = path ? `The field "${path}" is missing.` : 'The request has no body.';
    return [finding('field-missing', path, what, path ? `Add ${path}.` : 'Send one, as JSON.')];
  }
  const message = `${show(value)} is not a value that ${path ? `"${path}"` : where.toLowerCase()} takes.`;
  return [finding('value-invalid', path, message, `${issue.message}.`)];
}

function show(value: unknown): string {
  const text = typeof value === 'object' ? 'This' : JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
