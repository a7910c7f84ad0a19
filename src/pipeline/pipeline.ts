/**
 * The second compiler: host policy in, flows out. Each feature is one file with the rules of one kind of thing; this
 * file only lists them. Incremental by construction: a change derives again what read it (base/derive.ts).
 */
import { type Derivation, Deriver } from '../base/derive.ts';
import type { ExplainedFlow } from '../flow/flow.ts';
import { flowKey, sameFlow } from '../flow/same.ts';
import { acl } from './acl.ts';
import { aclPort } from './acl-port.ts';
import { aclRules } from './acl-rules.ts';
import { answer } from './answer.ts';
import { base } from './base.ts';
import { INDEXES, type PipelineFact } from './facts.ts';
import { flood } from './flood.ts';
import { guard } from './guard.ts';
import { hybrid } from './hybrid.ts';
import { knownVlan } from './known-vlan.ts';
import { forward } from './lookup.ts';
import { arrived, late } from './migration.ts';
import { linkLocalNeighbour, neighbour } from './neighbour.ts';
import { port } from './port.ts';
import { privateVlan } from './private-vlan.ts';
import { peer, provider, stranger } from './provider.ts';
import { martian, route } from './route.ts';
import { fabric, toldSender, undeliverable } from './router-error.ts';
import { subnet } from './subnet.ts';
import { uplink } from './uplink.ts';

const pipeline: Derivation<PipelineFact, ExplainedFlow> = {
  indexes: INDEXES,
  rules: [
    base,
    guard,
    acl,
    aclPort,
    aclRules,
    answer,
    uplink,
    port,
    provider,
    peer,
    stranger,
    subnet,
    martian,
    route,
    neighbour,
    linkLocalNeighbour,
    forward,
    arrived,
    late,
    fabric,
    undeliverable,
    toldSender,
    flood,
    privateVlan,
    knownVlan,
    hybrid,
  ],
  outputKey: (flow) => `${flow.switch} ${flowKey(flow)}`,
  same: (a, b) => sameFlow(a, b) && a.words === b.words && a.origin === b.origin,
};

/** The pipeline of one host. Feed it facts (facts.ts); it answers with the flows that come and go. */
export class Pipeline extends Deriver<PipelineFact, ExplainedFlow> {
  constructor() {
    super(pipeline);
  }
}
