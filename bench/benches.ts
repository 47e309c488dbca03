import type { Bench } from './promise'

/** All benches by name, in the order in which they run and stand in docs/SPECIFICATION.md. One that plays a process of ours is not to carry what others need: each is loaded when it is asked for. */
const loaders = {
  'start-time': async () => (await import('./start-time')).startTime,
  together: async () => (await import('./together')).startsTogether,
  memory: async () => (await import('./memory')).memory,
  logs: async () => (await import('./logs')).logs,
  terminal: async () => (await import('./terminal')).terminal,
  'pod-list': async () => (await import('./pod-list')).podList,
  'pod-list-page': async () => (await import('./pod-list-page')).podListPage,
  'first-load': async () => (await import('./first-load')).firstLoad,
  networks: async () => (await import('./networks')).networks,
  services: async () => (await import('./services')).services,
  readiness: async () => (await import('./readiness')).readiness,
  'balancer-load': async () => (await import('./balancer-load')).balancerLoad,
  'balancer-crowd': async () => (await import('./balancer-crowd')).balancerCrowd,
  volumes: async () => (await import('./volumes')).volumes,
  'volume-kills': async () => (await import('./volume-kills')).volumeKills,
  soak: async () => (await import('./soak')).soak,
} as const satisfies Record<string, () => Promise<Bench>>

export type BenchName = keyof typeof loaders
export const benchNames = Object.keys(loaders) as readonly BenchName[]
export const isBenchName = (name: string): name is BenchName => name in loaders
export const loadBench = (name: BenchName): Promise<Bench> => loaders[name]()
export const allBenches = (): Promise<Bench[]> => Promise.all(benchNames.map(loadBench))
