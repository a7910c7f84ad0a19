/** What a host proves with that it is itself, and by which it knows its controller. */
import { readCertificate } from './certificates.ts';

export interface Credentials {
  readonly host: string;
  /** Of the controller's listener for agents: `https://controller.example:7301`. */
  readonly controllerUrl: string;
  /** Private key, PEM of PKCS #8. Secret: it leaves the host never. */
  readonly key: string;
  /** PEM. */
  readonly certificate: string;
  /** The authorities that the controller's certificate may be of, PEM; more than one while the authority changes. */
  readonly caCertificates: readonly string[];
}

/** When the certificate is to be renewed: at two thirds of its life. Milliseconds since 1970. */
export function renewalDue({ certificate }: Pick<Credentials, 'certificate'>): number {
  const { from, until } = readCertificate(certificate);
  return from + ((until - from) * 2) / 3;
}
