/** Groups and meters as text, as `ovs-ofctl dump-groups` and `dump-meters` print them. `parse-group.ts` reads it. */
import type { Bucket, Group, Meter } from './datapath.ts';
import { formatActions, ovsName } from './text-actions.ts';

/** `group_id=1,type=select,selection_method=hash,fields=ip_src,bucket=bucket_id:0,actions=output:2` */
export function formatGroup({ id, type, selection, buckets }: Group): string {
  const parts = [`group_id=${id}`, `type=${type}`];
  if (selection) {
    const names = selection.fields.map(ovsName).join(',');
    parts.push(`selection_method=${selection.method}`);
    if (selection.param !== 0n) parts.push(`selection_method_param=${selection.param}`);
    if (selection.fields.length > 0)
      parts.push(selection.fields.length === 1 ? `fields=${names}` : `fields(${names})`);
  }
  return [...parts, ...buckets.map((bucket) => formatBucket(bucket, type))].join(',');
}

function formatBucket({ id, weight, watchPort, watchGroup, actions }: Bucket, type: Group['type']): string {
  const parts = [
    `bucket=bucket_id:${id}`,
    weight !== defaultWeight(type) && `weight:${weight}`,
    watchPort !== undefined && `watch_port:${watchPort}`,
    watchGroup !== undefined && `watch_group:${watchGroup}`,
    `actions=${formatActions(actions)}`,
  ];
  return parts.filter(Boolean).join(',');
}

/** The weight of a bucket that names none: only `select` weighs buckets. */
export function defaultWeight(type: Group['type']): number {
  return type === 'select' ? 1 : 0;
}

/** `meter=1 kbps burst stats bands=type=drop rate=1000 burst_size=100` */
export function formatMeter({ id, unit, stats, bands }: Meter): string {
  const hasBurst = bands.some(({ burst }) => burst !== undefined);
  const words = [`meter=${id}`, unit, hasBurst && 'burst', stats && 'stats'];
  const texts = bands.map(
    ({ type, rate, burst }) =>
      `type=${type} rate=${rate}${burst === undefined ? '' : ` burst_size=${burst}`}`,
  );
  return `${words.filter(Boolean).join(' ')} bands=${texts.join(' ')}`;
}
