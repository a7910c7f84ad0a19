import type { ObjectKey } from '../model/definition.ts';
import { isTenantRole, type Role } from '../model/kinds/user.ts';

/** Who asks. Made from what a request brings, anew for each one. */
export interface Principal {
  /** What the journal says: the key of the user, `ann` or `red:ann`; `operator` is whoever has the local token. */
  readonly name: string;
  /** What the request may do: the role of the user, or the lesser one of the token. */
  readonly role: Role;
  /** The one tenant that the request sees; undefined: the administrator's view, which is everything. */
  readonly tenant?: string;
  /** The object of the user; undefined: the local operator, behind whom there is none. */
  readonly user?: ObjectKey;
  /** How it was proved. */
  readonly by: 'local-token' | 'session' | 'token';
  /** The id of the session or token, never its secret. */
  readonly id?: string;
}

/** Whoever can read the token file of the data directory can read the data too, and so is the administrator. */
export const LOCAL_OPERATOR: Principal = { name: 'operator', role: 'administrator', by: 'local-token' };

/** The tenant whose view it is. A role of a tenant without its tenant sees nothing at all, rather than everything. */
export function tenantView({ role, tenant }: Principal): string | undefined {
  return isTenantRole(role) ? (tenant ?? '') : undefined;
}
