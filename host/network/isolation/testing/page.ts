import type { NetworkPolicyObject } from '@/contracts/host/v1/networks'
import { familyOf } from '@/domain/shared/ip'
import { SEED } from './generate'
import type { Attempt, Expected, TenantSide } from './oracle'
import { addressesOf, subnetsOf } from './world'

export type Row = { attempt: Attempt; expected: Expected; /** Who answered or saw it arrive. */ by: string | null }
export type ForgedRow = { what: string; /** Who saw it. */ by: string | null }

const peerWords = ({ cidrs, addresses }: NetworkPolicyObject['rules'][number]['peer'], nameOf: (address: string) => string): string =>
  [...(cidrs ?? []).map(({ cidr, except }) => `${cidr}${except.length > 0 ? ` without ${except.join(', ')}` : ''}`), ...new Set((addresses ?? []).map(nameOf))].join(', ') || (cidrs === null && addresses === null ? 'anybody' : 'nobody')

function policyLines({ pods, policies }: TenantSide): string[] {
  const nameOf = (address: string) => pods.find((pod) => addressesOf(pod).includes(address))?.name ?? address
  return policies.flatMap(({ name, source, directions, members, rules }) => [
    `- **${name}** (${source}, ${directions.join(' and ')}) of ${[...new Set(members.map(nameOf))].join(', ')}:`,
    ...rules.map(({ id, direction, protocol, ports, icmpTypes, peer }) => `  - \`${id}\` ${direction} ${protocol}${ports ? ` ${ports.map(({ first, last }) => (first === last ? first : `${first}-${last}`)).join(', ')}` : ''}${icmpTypes ? ` type ${icmpTypes.join(', ')}` : ''} ${direction === 'ingress' ? 'from' : 'to'} ${peerWords(peer, nameOf)}`),
  ])
}

const kind = ({ address, protocol, number }: Attempt): string => (protocol === 'icmp' ? `ICMP${familyOf(address) === 6 ? 'v6' : ''} type ${number}` : `${protocol.toUpperCase()} ${number}`)

/** docs/isolation.md. */
export function isolationPage(sides: readonly TenantSide[], rows: readonly Row[], forged: readonly ForgedRow[]): string {
  const allowed = rows.filter(({ expected }) => expected.by !== null).length
  return `# Isolation, shown by packets

Written by \`HYPERNETES_WRITE_DOCS=1 npx vitest run --project real host/network/isolation/matrix.real.test.ts\`; the same test sends each packet again, and
fails when what arrives or this page differs. Change the code, not the page.

The networks, their pods and policies, and who tries to reach whom are drawn from the seed ${SEED}. Each attempt is one of real packets between
network namespaces that stand for pods: it counts as passed where the pod that should be there has said its own name, and as stopped where nobody has seen it or answered after all
that was sent later had its answer. What should be is said by \`domain/network/rules.ts\` from the desired state alone; what is, by the packets. ${rows.length} attempts, of which ${allowed} pass and
${rows.length - allowed} do not; ${forged.length} forged frames, of which none passes.

## Networks

${sides.map((side) => `### ${side.network.name}

Tenant ${side.network.tenant.slice(0, 1)}, ${subnetsOf(side.network).join(' and ')}, a way out by address translation${side.network.peers?.length ? `, peered with ${sides.filter((other) => side.network.peers?.includes(other.network.number)).map((other) => other.network.name).join(', ')}` : ''}.

- Pods: ${side.pods.map((pod) => `${pod.name} (${addressesOf(pod).join(', ')})`).join(', ')}
${side.services.map(({ name, addresses, ports }) => `- Service ${name} at ${addresses.join(' and ')}, ports ${ports.map(({ protocol, port }) => `${protocol} ${port}`).join(' and ')}: ${[...new Set(ports.flatMap(({ endpoints }) => endpoints.map(({ address, port }) => `${address} port ${port}`)))].join(', ')}\n`).join('')}${policyLines(side).join('\n')}
`).join('\n')}
## Attempts

| from | to | what | passes | why | answered by |
| --- | --- | --- | --- | --- | --- |
${rows.map(({ attempt, expected, by }) => `| ${attempt.from.name} | ${attempt.address} | ${kind(attempt)} | ${expected.by === null ? 'no' : 'yes'} | ${expected.why} | ${by ?? 'nobody'} |`).join('\n')}

## Forged frames

Sent raw from inside a pod, each with the sender of another; the same frame with the pod's own sender arrives, whole and in fragments.

| frame | seen by |
| --- | --- |
${forged.map(({ what, by }) => `| ${what} | ${by ?? 'nobody'} |`).join('\n')}
`
}
