import Link from 'next/link'
import type { TopHost, TopPod } from '@/domain/figures/view'
import { formatBytes, NOTHING } from '@/components/client/formats'
import { paths } from '@/components/client/paths'
import type { Column } from '@/components/patterns/data-table/columns'
import { Progress } from '@/components/ui/progress'

const link = 'inline-flex min-h-6 items-center hover:text-accent-content hover:underline'
const rate = (value: number | null) => <span className="text-soft">{value === null ? NOTHING : `${formatBytes(value)}/s`}</span>
const bytes = (value: number | null) => <span className="text-soft">{value === null ? NOTHING : formatBytes(value)}</span>
const cpu = (value: number | null) => <span className="text-soft">{value === null ? NOTHING : `${value.toLocaleString('en', { minimumFractionDigits: 2, maximumFractionDigits: 2 })} vCPU`}</span>

/** A tenant's pods link to their figures; operators do not see into tenants. */
export const topPodColumns = (tenant: string | null): ReadonlyArray<Column<TopPod>> => [
  { id: 'name', header: 'Name', sortBy: 'name', cell: (pod) => tenant === null ? pod.name : <Link href={paths.podFigures(tenant, pod.namespace, pod.name)} className={link}>{pod.name}</Link> },
  { id: 'namespace', header: 'Namespace', from: 'md', grow: true, cell: (pod) => <span className="text-soft">{pod.namespace}</span> },
  ...(tenant === null ? [{ id: 'tenant', header: 'Tenant', from: 'sm', cell: (pod: TopPod) => <span className="text-soft">{pod.tenant}</span> } as const, { id: 'host', header: 'Host', from: 'lg', cell: (pod: TopPod) => <Link href={paths.host(pod.host)} className={link}>{pod.host}</Link> } as const] : []),
  { id: 'cpu', header: 'CPU', sortBy: 'cpu', numeric: true, cell: (pod) => cpu(pod.cpu) },
  { id: 'memory', header: 'Memory', sortBy: 'memory', numeric: true, cell: (pod) => bytes(pod.memoryBytes) },
  { id: 'disk', header: 'Disk', sortBy: 'disk', numeric: true, from: 'sm', cell: (pod) => rate(pod.diskBytesPerSecond) },
  { id: 'network', header: 'Network', sortBy: 'network', numeric: true, from: 'sm', cell: (pod) => rate(pod.networkBytesPerSecond) },
]

const share = (label: string, value: number | null, of: number) => value !== null && of > 0 && <Progress label={label} value={value} max={of} className="h-1 w-20 max-lg:hidden" />

export const topHostColumns: ReadonlyArray<Column<TopHost>> = [
  { id: 'name', header: 'Name', sortBy: 'name', grow: true, cell: (host) => <Link href={paths.host(host.name)} className={link}>{host.name}</Link> },
  { id: 'cpu', header: 'CPU', sortBy: 'cpu', numeric: true, cell: (host) => <span className="inline-flex items-center gap-2.5">{share(`CPU of ${host.name}`, host.cpu, host.cpus)}{cpu(host.cpu)}</span> },
  { id: 'memory', header: 'Memory', sortBy: 'memory', numeric: true, cell: (host) => <span className="inline-flex items-center gap-2.5">{share(`Memory of ${host.name}`, host.memoryBytes, host.memoryTotalBytes)}{bytes(host.memoryBytes)}</span> },
  { id: 'space', header: 'Disk space', numeric: true, from: 'md', cell: (host) => bytes(host.diskUsedBytes) },
  { id: 'disk', header: 'Disk', sortBy: 'disk', numeric: true, from: 'sm', cell: (host) => rate(host.diskBytesPerSecond) },
  { id: 'network', header: 'Network', sortBy: 'network', numeric: true, from: 'sm', cell: (host) => rate(host.networkBytesPerSecond) },
]
