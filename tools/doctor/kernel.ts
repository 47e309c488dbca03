import { existsSync } from 'node:fs'
import { run } from '@/platform/exec'
import { messageOf, ok, problem, type Finding } from '@/tools/doctor/finding'

/** A feature, tried for real in a network namespace that is gone with the command. */
const features = [
  { subject: 'network namespaces', argv: ['true'], advice: 'The kernel needs CONFIG_NET_NS; in a container, run it privileged.' },
  { subject: 'packet filter', argv: ['nft', 'add', 'table', 'inet', 'doctor'], advice: 'Install nftables; the kernel needs nf_tables (modprobe nf_tables).' },
  { subject: 'address translation', argv: ['nft', 'table ip doctor { chain post { type nat hook postrouting priority 100; masquerade; }; }'], advice: 'The kernel needs nft_chain_nat and nft_masq (modprobe nft_masq).' },
  { subject: 'tap devices', argv: ['ip', 'tuntap', 'add', 'doctor0', 'mode', 'tap'], advice: 'The kernel needs tun (modprobe tun), and /dev/net/tun must exist.' },
  { subject: 'links between namespaces', argv: ['ip', 'link', 'add', 'doctor0', 'type', 'veth', 'peer', 'name', 'doctor1'], advice: 'The kernel needs veth (modprobe veth).' },
  { subject: 'bridges', argv: ['ip', 'link', 'add', 'doctor0', 'type', 'bridge'], advice: 'The kernel needs bridge (modprobe bridge).' },
]

async function feature({ subject, argv, advice }: (typeof features)[number]): Promise<Finding> {
  try {
    await run('unshare', ['--net', '--', ...argv], { timeoutMs: 10_000 })
    return ok(subject, 'works')
  } catch (error) {
    return problem(subject, messageOf(error), advice)
  }
}

/** What the host agent asks of the kernel. As another user than root nothing of it can be tried. */
export async function kernelFindings(isRoot: boolean): Promise<Finding[]> {
  if (!isRoot) return [problem('kernel', 'cannot be examined without root', 'Run npm run doctor as root.')]
  const seccomp = existsSync('/proc/sys/kernel/seccomp/actions_avail')
    ? ok('seccomp', 'works')
    : problem('seccomp', 'missing', "The kernel needs CONFIG_SECCOMP_FILTER: QEMU's sandbox is made of it.")
  return [...(await Promise.all(features.map(feature))), seccomp]
}
