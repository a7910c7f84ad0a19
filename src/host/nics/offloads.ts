/** What a NIC does in place of the processor, from what `ethtool --show-features` prints (ethtool(8)). */

/** In the words of the reports -> the features of ethtool of which it has to have one that is on. */
const OFFLOADS = {
  checksum: ['tx-checksumming'],
  /** Cuts TCP into segments. */
  tso: ['tcp-segmentation-offload'],
  gro: ['generic-receive-offload'],
  lro: ['large-receive-offload'],
  /** The same as tso inside of VXLAN and Geneve; without it encapsulated traffic costs several times as much. */
  'vxlan-segmentation': ['tx-udp_tnl-segmentation', 'tx-udp_tnl-csum-segmentation'],
  'nvgre-segmentation': ['tx-gre-segmentation', 'tx-gre-csum-segmentation'],
  /** Flows of Open vSwitch in the NIC itself. */
  flows: ['hw-tc-offload'],
} as const;

/** Those that are on, in the order above. */
export function readOffloads(text: string): readonly string[] {
  const on = new Set([...text.matchAll(/^\s*([\w-]+): on\b/gm)].map(([, feature = '']) => feature));
  return Object.entries(OFFLOADS)
    .filter(([, features]) => features.some((feature) => on.has(feature)))
    .map(([offload]) => offload);
}
