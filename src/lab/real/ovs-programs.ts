/** How the programs of an Open vSwitch with a directory of its own are called. Pure. */
import { join } from 'node:path';

const SCHEMA = '/usr/share/openvswitch/vswitch.ovsschema';

export interface OvsPrograms {
  /** What they, and the tools, keep their files in. */
  readonly env: Readonly<Record<string, string>>;
  /** The database, and the socket that it is asked at. */
  readonly file: string;
  readonly socket: string;
  readonly schema: string;
  /** Makes the database. */
  readonly create: readonly string[];
  readonly server: readonly string[];
  readonly daemon: readonly string[];
  /** The tool that sets up what is in the database. */
  readonly vsctl: readonly string[];
  /** Control sockets of ovsdb-server and ovs-vswitchd, or with `pidFiles` the files with their process ids. */
  readonly signs: { readonly server: string; readonly daemon: string };
}

export interface OvsProgramsOptions {
  /** No frame passes: every device and every datapath is one that does nothing. */
  readonly dummy?: boolean;
  /** Control sockets have process ids in their names, where `ovs-appctl` looks for them by files with these ids. */
  readonly pidFiles?: boolean;
}

/** The datapath is that in user space: it needs no kernel module, and namespaces of one machine would share the kernel's. */
export function ovsPrograms(
  directory: string,
  { dummy = false, pidFiles = false }: OvsProgramsOptions = {},
): OvsPrograms {
  const at = (file: string) => join(directory, file);
  const [file, socket] = [at('conf.db'), at('db.sock')];
  const signs = pidFiles
    ? { server: at('ovsdb-server.pid'), daemon: at('ovs-vswitchd.pid') }
    : { server: at('ovsdb.ctl'), daemon: at('switch.ctl') };
  const sign = pidFiles ? '--pidfile' : '--unixctl';
  return {
    env: Object.fromEntries(
      ['RUNDIR', 'LOGDIR', 'DBDIR', 'SYSCONFDIR'].map((each) => [`OVS_${each}`, directory]),
    ),
    file,
    socket,
    schema: SCHEMA,
    create: ['ovsdb-tool', 'create', file, SCHEMA],
    server: ['ovsdb-server', file, `--remote=punix:${socket}`, `${sign}=${signs.server}`],
    daemon: [
      ...['ovs-vswitchd', `unix:${socket}`, '--disable-system', `${sign}=${signs.daemon}`],
      ...(dummy ? ['--enable-dummy=override'] : []),
    ],
    vsctl: ['ovs-vsctl', `--db=unix:${socket}`],
    signs,
  };
}
