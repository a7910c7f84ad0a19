import type { Controller } from '../controller/controller.ts';
import { isKind } from '../model/kinds.ts';
import type { PolicySource } from './policy-source.ts';

/** The hosts and the physical networks that the controller's objects describe, and the policy that it compiles. */
export function controllerSource(controller: Controller): PolicySource {
  const { network, feed } = controller;
  return {
    feed,
    hosts: () => network.list('Host').flatMap(({ object }) => (isKind(object, 'Host') ? [object.name] : [])),
    nics: (name) => {
      const host = network.fact(`Host/${name}`);
      if (!isKind(host, 'Host')) return [];
      return host.nics.map(({ name: nic, mac, speedMbps, physicalNetwork }) => ({
        name: nic,
        mac,
        speedMbps,
        link: true,
        ...(physicalNetwork === undefined ? {} : { physicalNetwork }),
      }));
    },
    physicalNetworks: () =>
      network
        .list('PhysicalNetwork')
        .map(({ object }) => object)
        .filter((object) => isKind(object, 'PhysicalNetwork')),
    watch: (changed) =>
      controller.watch((commit) => {
        if (commit.objects.some(({ kind }) => kind === 'Host' || kind === 'PhysicalNetwork')) changed();
      }),
  };
}
