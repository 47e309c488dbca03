import { describe, expect, it } from 'vitest'
import { podSize } from '@/domain/pod/size'
import { podSpec } from '@/domain/pod/spec'
import type { FigureSeriesView, PodFiguresView } from '@/domain/figures/view'
import { figureCharts } from './figure-charts'

const series = (over: Partial<FigureSeriesView> = {}): FigureSeriesView => ({ cpu: [0.1, null], cpuPeak: [0.2, null], memoryBytes: [100, null], memoryPeakBytes: [100, null], readBytesPerSecond: [1, null], writtenBytesPerSecond: [2, null], diskUsedBytes: [null, null], receivedBytesPerSecond: [3, null], sentBytesPerSecond: [4, null], ...over })
const figures = (names: string[], vm = series()): PodFiguresView => ({ range: '1h', from: '', to: '', stepSeconds: 10, times: ['2026-11-25T00:00:00Z', '2026-11-25T00:00:10Z'], vm, overhead: { cpu: [0.05, 0.01], memoryBytes: [50, 60] }, containers: names.map((name) => ({ ...series(), name })) })
const spec = (limits: ({ cpu?: string; memory?: string } | undefined)[]) => podSpec.parse({ containers: limits.map((each, i) => ({ name: `c${i}`, image: 'i', resources: { limits: each ?? {} } })) })
const charts = (given: PodFiguresView, of: ReturnType<typeof spec>) => new Map(figureCharts(given, of, podSize(of)).map((chart) => [chart.title, chart]))

describe('the charts of a pod', () => {
  it('stack containers below the overhead', () => {
    const cpu = charts(figures(['a', 'b']), spec([undefined, undefined])).get('CPU')!
    expect(cpu.stacked).toBe(true)
    expect(cpu.series.map((each) => [each.label, each.values, each.tone])).toEqual([['a', [0.1, null], 0], ['b', [0.1, null], 1], ['VM overhead', [0.05, 0.01], 'quiet']])
  })
  it('tell of many containers as a few and the others', () => {
    const memory = charts(figures(['a', 'b', 'c', 'd', 'e', 'f']), spec([undefined])).get('Memory')!
    expect(memory.series.map((each) => [each.label, each.values[0]])).toEqual([['a', 100], ['b', 100], ['c', 100], ['3 others', 300], ['VM overhead', 50]])
    expect(memory.series[3]!.values[1]).toBeNull()
  })
  it('draw the limits together where every container has one, else the size of the VM', () => {
    const limited = charts(figures(['a']), spec([{ cpu: '250m', memory: '64Mi' }, { cpu: '500m', memory: '32Mi' }]))
    expect(limited.get('CPU')!.limit).toEqual({ label: 'Limit', value: 0.75 })
    expect(limited.get('Memory')!.limit).toEqual({ label: 'Limit', value: 96 << 20 })
    expect(charts(figures(['a']), spec([{ cpu: '250m' }, undefined])).get('CPU')!.limit).toEqual({ label: 'Size of the VM', value: 1 })
  })
  it('leave disk space out where it was never told', () => {
    expect([...charts(figures(['a']), spec([undefined])).keys()]).toEqual(['CPU', 'Memory', 'Network', 'Disk'])
    expect([...charts(figures(['a'], series({ diskUsedBytes: [5, null] })), spec([undefined])).keys()]).toEqual(['CPU', 'Memory', 'Network', 'Disk', 'Disk space'])
  })
})
