/**
 * Where the provider of OpenID Connect sends browsers back to. It stands apart from `oidc.ts`, so that a server that is not
 * configured for it does not load the client of the protocol.
 */
export const OIDC_CALLBACK = '/login/oidc/callback';
