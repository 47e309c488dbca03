import type { PodFiguresView } from '@/domain/figures/view'
import type { podSize } from '@/domain/pod/size'
import type { PodSpec } from '@/domain/pod/spec'
import { parseBytes, parseMilliCpu } from '@/domain/shared/quantity'
import { formatBytes } from '@/components/client/formats'
import type { ChartSeries, ChartTone } from '@/components/charts/time-chart'

export type FigureChart = { title: string; hint?: string; series: ChartSeries[]; stacked?: boolean; limit?: { label: string; value: number } | null; format: (value: number) => string; binary?: boolean }

const tones: readonly ChartTone[] = [0, 1, 2, 3]
export const formatRate = (bytes: number) => `${formatBytes(Math.round(bytes))}/s`
/** Small shares of a processor keep their digits: "0.004 vCPU". */
const formatCpu = (vcpus: number) => `${vcpus.toLocaleString('en', { maximumSignificantDigits: vcpus < 0.1 ? 2 : 3 })} vCPU`

/** What is beyond this many containers is one layer: more colours could not be told apart. */
const mostLayers = 4

type Metric = 'cpu' | 'memoryBytes'

function layers(figures: PodFiguresView, metric: Metric): ChartSeries[] {
  const { containers } = figures
  const shown = containers.length > mostLayers ? containers.slice(0, mostLayers - 1) : containers
  const rest = containers.slice(shown.length)
  const series = shown.map((each, i): ChartSeries => ({ id: each.name, label: each.name, values: each[metric], tone: tones[i] ?? 0 }))
  if (rest.length > 0) series.push({ id: ' others', label: `${rest.length} others`, values: figures.times.map((_, i) => sum(rest.map((each) => each[metric][i] ?? null))), tone: 3 })
  return [...series, { id: ' overhead', label: 'VM overhead', values: figures.overhead[metric], tone: 'quiet' }]
}

function sum(values: readonly (number | null)[]): number | null {
  const told = values.filter((value) => value !== null)
  return told.length === 0 ? null : told.reduce((total, value) => total + value, 0)
}

/** All containers' limits together where each has one, else the size of the virtual machine. */
function limitOf(spec: PodSpec, read: (limits: PodSpec['containers'][number]['resources']['limits']) => number | null, vm: number): { label: string; value: number } {
  const limits = spec.containers.map((each) => read(each.resources.limits))
  const total = limits.every((limit) => limit !== null) ? sum(limits) : null
  return total ? { label: 'Limit', value: total } : { label: 'Size of the VM', value: vm }
}

/** The charts of a pod: CPU, memory, disk, disk space, network. */
export function figureCharts(figures: PodFiguresView, spec: PodSpec, size: ReturnType<typeof podSize>): FigureChart[] {
  const { vm } = figures
  const cpu = limitOf(spec, (limits) => (limits.cpu ? (parseMilliCpu(limits.cpu) ?? null) : null), size.vcpus * 1000)
  const hint = 'Containers, and what the VM takes beside them'
  const space: ChartSeries[] = [{ id: 'used', label: 'Used', values: vm.diskUsedBytes, tone: 0 }]
  return [
    { title: 'CPU', hint, series: layers(figures, 'cpu'), stacked: true, limit: { ...cpu, value: cpu.value / 1000 }, format: formatCpu },
    { title: 'Memory', hint, series: layers(figures, 'memoryBytes'), stacked: true, limit: limitOf(spec, (limits) => (limits.memory ? (parseBytes(limits.memory) ?? null) : null), size.memoryMiB * 2 ** 20), format: formatBytes, binary: true },
    { title: 'Network', series: [{ id: 'received', label: 'Received', values: vm.receivedBytesPerSecond, tone: 0 }, { id: 'sent', label: 'Sent', values: vm.sentBytesPerSecond, tone: 1 }], format: formatRate, binary: true },
    { title: 'Disk', series: [{ id: 'read', label: 'Read', values: vm.readBytesPerSecond, tone: 0 }, { id: 'written', label: 'Written', values: vm.writtenBytesPerSecond, tone: 1 }], format: formatRate, binary: true },
    ...(vm.diskUsedBytes.some((value) => value !== null) ? [{ title: 'Disk space', hint: 'Writable layers and emptyDir volumes', series: space, limit: size.scratchMiB === null ? null : { label: 'Size', value: size.scratchMiB * 2 ** 20 }, format: formatBytes, binary: true }] : []),
  ]
}
