import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { run } from '@/platform/exec'
import { connectToDatabase } from '../fixtures/database'
import { hostTag, installation } from '../fixtures/installation'
import { lookAgain } from '../fixtures/look-again'
import { takeServiceTraces } from '../fixtures/service-traces'
import { takeTraces } from '../fixtures/traces'
import { settle, SETTLE_MS, type Count } from './counts'

/** Rows of objects that a deletion takes away. What is kept as history (audit, events, figures, changes) is told alone. */
const objectTables = ['Pod', 'PodReport', 'PodAssignment', 'PodListEntry', 'PodReference', 'PodSuccessor', 'NetworkAddress', 'ObjectCondition', 'Namespace', 'Network', 'ConfigMap', 'Secret', 'WrappedSecret', 'Host', 'Lease',
  'Service', 'ServiceAddress', 'Endpoints', 'SecurityGroup', 'NetworkPolicy', 'NetworkPeering', 'Ingress', 'FloatingAddress', 'LoadBalancer', 'VolumeAttachment'] as const
const historyTables = ['AuditEntry', 'Event', 'Change', 'CompletedRequest', 'PodStart', 'Figure'] as const

const vmsName = 'processes of VMs'

const filesBelow = (folder: string): number => readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => !entry.isDirectory()).length

/** Counts everything that pods, their resolvers and their balancers need while they are there. */
export async function takeBalance(): Promise<Count[]> {
  const { rows: _rows, ...traces } = await takeTraces()
  const services = await takeServiceTraces()
  const numbers = { [vmsName]: traces.processes, 'lines of packet filters': traces.rules, 'processes of the installation': ownProcesses() }
  const named = { 'processes of resolvers, balancers and image tools': services.processes, 'namespaces of balancers and networks': services.namespaces, 'links to the outside': services.links, 'files of resolvers and balancers': services.files, taps: traces.taps, uplinks: traces.uplinks, 'files of pods, logs and ledger': traces.files, cgroups: await cgroups() }
  return [
    ...Object.entries(numbers).map(([name, value]) => ({ name, value, slack: 0 })),
    ...Object.entries(named).map(([name, names]) => ({ name, value: names.length, slack: 0, names })),
    ...(await countRows()),
    { name: 'files of the host in all', value: await lookAgain(() => filesBelow(join(installation.data, 'host'))), slack: null },
    { name: 'packet filter tables on the machine', value: (await run('nft', ['list', 'tables'])).stdout.split('\n').filter(Boolean).length, slack: null },
  ]
}

/** Processes that were given the installation's data folder, whoever their parent is by now; those that look at it from outside are not its own. */
export function ownProcesses(): number {
  const given = (pid: string) => {
    try {
      const variables = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0')
      return variables.includes(`HYPERNETES_DATA=${installation.data}`) && !variables.some((each) => each.startsWith('HYPERNETES_E2E_URL='))
    } catch {
      return false
    }
  }
  return readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && given(pid)).length
}

/** Groups of this host's pods, in every hierarchy of version 1 and in version 2. */
async function cgroups(): Promise<string[]> {
  const { stdout } = await lookAgain(() => run('find', ['/sys/fs/cgroup', '-ignore_readdir_race', '-type', 'd', '-path', `*${hostTag()}*`]))
  return stdout.split('\n').filter(Boolean)
}

async function countRows(): Promise<Count[]> {
  const client = await connectToDatabase()
  try {
    // A volume outlives its pods, and so does what is said of it.
    const where = (table: string) => (table === 'ObjectCondition' ? ' WHERE "objectKind" <> \'Volume\'' : '')
    const count = async (table: string) => Number((await client.query<{ count: string }>(`SELECT count(*) FROM "${table}"${where(table)}`)).rows[0]?.count)
    const counts: Count[] = []
    for (const table of objectTables) counts.push({ name: `rows of ${table}`, value: await count(table), slack: 0 })
    for (const table of historyTables) counts.push({ name: `rows of ${table}`, value: await count(table), slack: null })
    return counts
  } finally {
    await client.end()
  }
}

/** Counts while nothing of a pod's is there: a template that is made ahead runs a VM too, and is waited for. */
export async function takeBalanceAtRest(): Promise<Count[]> {
  const end = Date.now() + SETTLE_MS
  for (;;) {
    const balance = await takeBalance()
    if (balance.every(({ name, value }) => name !== vmsName || value === 0)) return balance
    if (Date.now() > end) throw new Error(`VMs run although no pod is there, for ${SETTLE_MS / 1000} s`)
    await delay(500)
  }
}

/** Counts until it is as it was, for what ends takes a moment; what there is then, with what is left after two minutes. */
export const settleBalance = (before: readonly Count[]) => settle(takeBalance, before, 1000)

/** Throws what is left after two minutes. */
export async function expectBalance(before: readonly Count[]): Promise<void> {
  const { left } = await settleBalance(before)
  if (left.length > 0) throw new Error(`not as it was before:\n${left.join('\n')}`)
}
