/**
 * API tokens: for programs, in the name of a user. A token has a role of its own, which may be less than the user's, an
 * end, and says when it was used last. Only its hash is stored.
 */
import { z } from 'zod';
import type { Clock } from '../base/clock.ts';
import { finding, NetloomError } from '../base/error.ts';
import type { Controller } from '../controller/controller.ts';
import type { ObjectKey } from '../model/definition.ts';
import { isTenantRole, ROLES, type Role } from '../model/kinds/user.ts';
import type { User } from '../model/kinds.ts';
import { hashSecret, makeApiToken, parseApiToken, sameSecret } from './credentials.ts';
import type { Principal } from './principal.ts';
import { covers } from './roles.ts';

const DAY_MS = 24 * 3_600_000;
/** The longest life of a token, and that of one of which nothing is said. */
export const TOKEN_DAYS = 90;
/** Of one user. */
const PER_USER = 50;
/** Use is noted once in so long. */
const NOTE_MS = 60_000;

const stored = z.strictObject({
  hash: z.string(),
  role: z.enum(ROLES),
  tenant: z.string().exactOptional(),
  /** Id of that tenant, where it is not the user's own: another one may get the name later. */
  tenantId: z.string().exactOptional(),
  description: z.string(),
  created: z.int(),
  expires: z.int(),
});

/** What is asked for. */
export interface TokenWish {
  readonly description: string;
  readonly days: number;
  /** The owner's when left out. */
  readonly role?: Role;
  /** For a role of a tenant in the name of an administrator. */
  readonly tenant?: string;
}

/** A token as it is shown: everything but the secret. */
export interface TokenView {
  readonly id: string;
  readonly user: string;
  readonly role: Role;
  readonly tenant?: string;
  readonly description: string;
  readonly created: string;
  readonly expires: string;
  readonly lastUsed?: string;
}

interface Found extends z.output<typeof stored> {
  readonly id: string;
  readonly owner: ObjectKey;
  readonly used: number | null;
}

export type ApiTokens = ReturnType<typeof createApiTokens>;

export function createApiTokens(controller: Controller, clock: Clock) {
  const read = (owner: string, name: string): Found | undefined => {
    const secret = controller.secrets.get(owner, name);
    const value = stored.safeParse(secret?.value).data;
    if (!secret || !value) return undefined;
    return { ...value, id: name.slice(PREFIX.length), owner: owner as ObjectKey, used: secret.used };
  };
  const alive = (token: Found | undefined): Found | undefined =>
    token && token.expires > clock.wall() ? token : undefined;

  const idOf = (tenant: string | undefined) => controller.network.get(`Tenant/${tenant}`)?.id;
  let turn: Promise<unknown> = Promise.resolve();
  /** One at a time, so that many at once do not all count the same tokens. */
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const result = turn.then(work);
    turn = result.catch(() => {});
    return result;
  };

  return {
    /** The token that somebody brings, if it is one and lives. Notes the use. */
    find(text: string): Found | undefined {
      const parsed = parseApiToken(text);
      const owner = parsed && controller.secrets.named(PREFIX + parsed.id)?.owner;
      if (!parsed || owner === undefined) return undefined;
      const token = alive(read(owner, PREFIX + parsed.id));
      if (!token || !sameSecret(parsed.secret, token.hash)) return undefined;
      if (token.used === null || clock.wall() - token.used >= NOTE_MS) {
        // Nobody waits for it, and where it fails, the next use notes it.
        controller.noteUse(owner, PREFIX + parsed.id).catch(() => {});
      }
      return token;
    },

    /** What a token of this user may do: never more than the user may do now. */
    principalOf({ id, owner, role, tenant, tenantId }: Found, user: User): Principal | undefined {
      const allowed = covers(user.role, role) ? role : covers(role, user.role) ? user.role : undefined;
      if (allowed === undefined) return undefined;
      if (tenantId !== undefined && tenantId !== idOf(tenant)) return undefined;
      const scope = isTenantRole(allowed) ? (user.tenant ?? tenant) : undefined;
      const name = owner.slice('User/'.length);
      const base: Principal = { name, user: owner, role: allowed, by: 'token', id };
      return scope === undefined ? base : { ...base, tenant: scope };
    },

    /** The token behind a principal, if it still lives. */
    again({ id = '', user = 'User/' }: Principal): Found | undefined {
      return alive(read(user, PREFIX + id));
    },

    list(owner: ObjectKey): TokenView[] {
      return controller.secrets
        .of(owner)
        .flatMap(({ name }) => read(owner, name) ?? [])
        .map(viewOf);
    },

    /** Makes a token for the user. The token itself is in the result, and never to be had again. */
    async create(
      owner: ObjectKey,
      user: User,
      wish: TokenWish,
      author: string,
    ): Promise<TokenView & { readonly token: string }> {
      const role = wish.role ?? user.role;
      const tenant = isTenantRole(role) ? (user.tenant ?? wish.tenant) : undefined;
      checkWish(user, wish, role, tenant);
      const tenantId = tenant === user.tenant ? undefined : idOf(tenant);
      if (tenant !== user.tenant && tenantId === undefined) throw noTenant(tenant);
      const { id, secret, token } = makeApiToken();
      const created = clock.wall();
      const value = {
        hash: hashSecret(secret),
        role,
        ...(tenant === undefined ? {} : { tenant }),
        ...(tenantId === undefined ? {} : { tenantId }),
        description: wish.description,
        created,
        expires: created + wish.days * DAY_MS,
      };
      const name = PREFIX + id;
      const message = `token ${id} of ${owner.slice('User/'.length)} made`;
      await inTurn(async () => {
        if (this.list(owner).length >= PER_USER) throw tooMany();
        await controller.apply([], { author, message, secrets: [{ owner, name, value }] });
      });
      return { ...viewOf({ ...value, id, owner, used: null }), token };
    },

    /** Ends a token; false when the user has none of this id. */
    async revoke(owner: ObjectKey, id: string, author: string): Promise<boolean> {
      const name = PREFIX + id;
      if (!controller.secrets.get(owner, name)) return false;
      const message = `token ${id} of ${owner.slice('User/'.length)} revoked`;
      await controller.apply([], { author, message, secrets: [{ owner, name, value: null }] });
      return true;
    },

    /** The user that a token belongs to. */
    ownerOf(id: string): ObjectKey | undefined {
      return controller.secrets.named(PREFIX + id)?.owner as ObjectKey | undefined;
    },
  };
}

/** Of the names of secrets that are tokens. */
const PREFIX = 'token/';

function viewOf({ id, owner, role, tenant, description, created, expires, used }: Found): TokenView {
  const time = (milliseconds: number) => new Date(milliseconds).toISOString();
  return {
    id,
    user: owner.slice('User/'.length),
    role,
    ...(tenant === undefined ? {} : { tenant }),
    description,
    created: time(created),
    expires: time(expires),
    ...(used === null ? {} : { lastUsed: time(used) }),
  };
}

function checkWish(user: User, wish: TokenWish, role: Role, tenant: string | undefined): void {
  if (!covers(user.role, role)) {
    throw new NetloomError([
      finding(
        'value-invalid',
        'role',
        `The user has the role ${user.role}, and a token of the role ${role} could do more.`,
        'Leave the role out, or take a lesser one.',
      ),
    ]);
  }
  if (isTenantRole(role) && tenant === undefined) {
    throw new NetloomError([
      finding('field-missing', 'tenant', `The role ${role} is one of a tenant.`, 'Say which tenant.'),
    ]);
  }
  if (wish.tenant !== undefined && wish.tenant !== tenant) {
    throw new NetloomError([
      finding(
        'field-conflict',
        'tenant',
        `A token of this user and role is not one of the tenant "${wish.tenant}".`,
        'Leave the tenant out.',
      ),
    ]);
  }
}

function noTenant(tenant: string | undefined): NetloomError {
  return new NetloomError([
    finding(
      'reference-missing',
      'tenant',
      `There is no tenant "${tenant}".`,
      'See "netloom get tenants" for what there is.',
    ),
  ]);
}

function tooMany(): NetloomError {
  return new NetloomError([
    finding(
      'quota-exceeded',
      '',
      `The user has ${PER_USER} tokens already.`,
      'Revoke those that nobody needs.',
    ),
  ]);
}
