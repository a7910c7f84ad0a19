/**
 * What Netloom needs of a libvirt domain, from its XML (libvirt.org/formatdomain.html) as libvirt hands it to its hooks: the
 * taps that are plugged in by `<virtualport type='openvswitch'>`, and a QMP socket of our own. Pure.
 */

export interface LibvirtDomain {
  readonly name: string;
  /** Interfaces on the host, as libvirt has made them: `vnet3`. */
  readonly taps: readonly string[];
  /** Path of a QMP socket that QEMU was asked for by `<qemu:arg value='unix:PATH,…'/>`; absent: there is none. */
  readonly qmp?: string;
}

/** Reads the XML; what is not as libvirt writes it is not there. */
export function domainOf(xml: string): LibvirtDomain {
  // Metadata is whatever anybody has put there, also what looks like an interface.
  const text = xml.replaceAll(/<!--[\s\S]*?-->/gu, '').replace(/<metadata>[\s\S]*<\/metadata>/u, '');
  const interfaces = text.match(/<interface\s[\s\S]*?<\/interface>/gu) ?? [];
  const taps = interfaces
    .filter((each) => /<virtualport\s[^>]*type=['"]openvswitch['"]/u.test(each))
    .flatMap((each) => /<target\s[^>]*dev=['"]([A-Za-z0-9._-]{1,15})['"]/u.exec(each)?.[1] ?? []);
  const name = /<name>([^<]*)<\/name>/u.exec(text)?.[1] ?? '';
  const qmp = /<qemu:arg\s+value=['"]unix:([^,'"]+)[^'"]*['"]/u.exec(text)?.[1];
  return { name, taps, ...(qmp === undefined ? {} : { qmp }) };
}
