import { balancerCrowd } from './balancer-crowd'
import { balancerLoad } from './balancer-load'
import { firstLoad } from './first-load'
import { logs } from './logs'
import { memory } from './memory'
import { networks } from './networks'
import { podList } from './pod-list'
import { podListPage } from './pod-list-page'
import type { Bench } from './promise'
import { readiness } from './readiness'
import { services } from './services'
import { soak } from './soak'
import { startTime } from './start-time'
import { terminal } from './terminal'
import { startsTogether } from './together'

/** All benches, in the order in which they run and stand in docs/SPECIFICATION.md. */
export const benches: readonly Bench[] = [startTime, startsTogether, memory, logs, terminal, podList, podListPage, firstLoad, networks, services, readiness, balancerLoad, balancerCrowd, soak]
