import type { Command } from 'commander';
import { type Context, command, withOutput } from '../context.ts';

interface Options {
  readonly check?: true;
  readonly capture?: string;
  readonly output: 'text' | 'json';
}

export function switchCommand({ terminal }: Context): Command {
  const made = command('switch', 'Run one virtual switch between QEMU machines, without root', [
    ['netloom switch examples/switch.yaml', 'two machines on one switch; it says how to start them'],
    ['netloom switch examples/switch.yaml --check', 'say what is wrong with the file, and open nothing'],
    ['netloom switch left.yaml --capture left.pcapng', 'and keep every frame, with the rules that it met'],
    ['netloom switch left.yaml -o json > left.json', 'at the end, its counters for a program'],
  ])
    .argument('<file>', 'YAML or JSON: ports, tunnels and flows; - is standard input')
    .option('--check', 'read the file and build the switch, but open no socket')
    .option('--capture <file>', 'write every frame to this file (pcapng); slower')
    .addHelpText(
      'after',
      `The file:
  ports:
    - name: vm1
      stream: { listen: vm1.sock }                # UNIX socket, QEMU's -netdev stream; or connect:
      vlan: { mode: access, tag: 10 }             # or trunk, native-tagged, native-untagged
    - name: vm2
      datagram: { local: "127.0.0.1:5001", remote: "127.0.0.1:5002" }   # UDP, QEMU's -netdev dgram
    - name: far
      vxlan: { local: 192.0.2.1, remote: 192.0.2.2, vni: 5001 }         # or geneve:
  flows:                                          # language of ovs-ofctl; a learning switch unless given
    - priority=0,actions=normal

kill -USR1 shows the counters of a running switch. Ctrl-C ends it and removes its sockets.
`,
    );
  return withOutput(made, 'text', 'json').action(async (file: string, options: Options) => {
    const { switchFrom } = await import('../switch/command.ts');
    await switchFrom(file, options, terminal);
  });
}
