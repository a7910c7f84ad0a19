/** Enrolment and renewal as calls of the agents: the controller's end. */
import { create } from '@bufbuild/protobuf';
import type { ConnectRouter, HandlerContext } from '@connectrpc/connect';
import { type Finding, NetloomError } from '../../base/error.ts';
import { EnrolmentService, type Issued, IssuedSchema } from '../../stream/gen/enrolment_pb.ts';
import { type Refused, RefusedSchema } from '../../stream/gen/policy_pb.ts';
import { Connections, strangeness } from './connections.ts';
import type { HostIdentities, IssuedCertificate } from './identities.ts';

/** No question is larger, in bytes. */
const MAX_QUESTION = 8 * 1024;

interface Answer {
  readonly outcome:
    | { readonly case: 'issued'; readonly value: Issued }
    | { readonly case: 'refused'; readonly value: Refused };
}

export function enrolmentRoutes(
  identities: HostIdentities,
  onTrouble: (host: string, trouble: Finding, context: HandlerContext) => void,
): (router: ConnectRouter) => void {
  const answer = async (
    host: string,
    context: HandlerContext,
    work: () => Promise<IssuedCertificate>,
  ): Promise<Answer> => {
    try {
      const { certificate, caCertificates } = await work();
      const value = create(IssuedSchema, { certificate, caCertificates: [...caCertificates] });
      return { outcome: { case: 'issued', value } };
    } catch (thrown) {
      const [trouble] = NetloomError.from(thrown).findings;
      onTrouble(host, trouble, context);
      const { code, message, remedy } = trouble;
      return { outcome: { case: 'refused', value: create(RefusedSchema, { code, message, remedy }) } };
    }
  };
  return (router) => {
    router.service(
      EnrolmentService,
      {
        enrol: (claim, context) => answer(claim.host, context, () => identities.enrol(claim)),
        renew: ({ request, bootNonce }, context) => {
          const connection = Connections.of(context);
          const peer = connection?.peer;
          return answer(peer?.host ?? '', context, async () => {
            if (peer) return identities.renew(peer, request, bootNonce);
            throw new NetloomError([strangeness(connection, '')]);
          });
        },
      },
      { readMaxBytes: MAX_QUESTION },
    );
  };
}
