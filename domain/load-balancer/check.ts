import type { IngressSpec } from '../ingress/spec'
import { wantsOutside, type ServiceSpec } from '../service/spec'
import type { Labels } from '../shared/names'
import { readServiceAnnotations, type BalancerProblem } from './annotations'
import { anyCertificate } from './certificates'
import { compileIngress } from './compile-ingress'
import { compileService } from './compile'

type Named<S> = { name: string; annotations: Labels; spec: S }
const none = { get: () => undefined }
const problemsOf = (result: ReturnType<typeof compileService>): BalancerProblem[] => ('problems' in result ? result.problems : [])

/** Why no balancer could do what a Service says, whatever else there is; of a Service that wants none, what is wrong with its annotations of a balancer. */
export const serviceBalancerProblems = ({ name, annotations, spec }: Named<ServiceSpec>): BalancerProblem[] =>
  wantsOutside(spec) ? problemsOf(compileService({ name, annotations, spec, certificates: anyCertificate })) : readServiceAnnotations(annotations).problems

/** The same of an Ingress. Its services and Secrets need not exist. */
export const ingressProblems = ({ name, annotations, spec }: Named<IngressSpec>): BalancerProblem[] => problemsOf(compileIngress({ name, annotations, spec, services: none, certificates: anyCertificate }))
