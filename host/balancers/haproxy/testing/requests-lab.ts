import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { defaultOptions, type BalancerModel, type BalancerServer } from '@/domain/load-balancer/model'
import type { Certificate } from '../../ports'
import type { HaproxyProcess } from '../haproxy'
import { BalancerLab } from './balancer-lab'
import { ask, isWhole, raw, type RawAnswer } from './client'
import { httpBackend, listener, rule, tcpBackend } from './models'

/** What a pod saw of a request. */
export type Seen = { backend: string; method: string; url: string; headers: IncomingMessage['headers']; names: string[]; body: string }
/** Ids of the certificates of `first.example.org` and `second.example.org`. */
export const [first, second] = [randomUUID(), randomUUID()]

const rules = [rule('any', null, null, '/', 'a'), rule('below', '*.example.org', 'Prefix', '/', 'b'), rule('api', 'www.example.org', 'Prefix', '/api', 'c'), rule('exact', 'www.example.org', 'Exact', '/api/v1', 'd'), rule('long', 'www.example.org', 'Prefix', '/api/v1/long/', 'a'), rule('any-path', null, 'Prefix', '/static', 'd')]
const model: BalancerModel = {
  listeners: [
    listener({ port: 80, rules }),
    listener({ port: 81, redirectToHttps: 443 }),
    listener({ port: 82, redirectToHttps: 8443 }),
    listener({ port: 83, defaultBackend: 'a', acceptProxy: true }),
    listener({ port: 84, defaultBackend: 'sticky' }),
    listener({ port: 85, defaultBackend: 'grpc' }),
    listener({ port: 86, defaultBackend: 'a' }),
    listener({ port: 87, rules: [rule('only', 'only.example.org', 'Prefix', '/x', 'a')] }),
    listener({ port: 88, rules }),
    listener({ port: 89, rules: [rule('busy', 'only.example.org', 'Prefix', '/x', 'a')] }),
    listener({ port: 443, protocol: 'https', certificates: [first, second], defaultBackend: 'a' }),
    listener({ port: 5000, protocol: 'tcp', defaultBackend: 'echo' }),
    listener({ port: 5001, protocol: 'tcp', defaultBackend: 'proxied' }),
  ],
  backends: [...['a', 'b', 'c', 'd'].map(httpBackend), { ...httpBackend('sticky'), stickyCookie: 'STICK' }, { ...httpBackend('grpc'), protocol: 'h2c' }, tcpBackend('echo'), { ...tcpBackend('proxied'), sendProxy: true }],
  options: { ...defaultOptions, requestSeconds: 1 },
}

/** A balancer with a listener of each kind, and pods that tell what they saw. */
export class RequestsLab {
  seen: Seen[] = []
  readonly servers = new Map<string, BalancerServer[]>()
  readonly certificates = new Map<string, Certificate>()
  private constructor(readonly lab: BalancerLab, readonly haproxy: HaproxyProcess) {}

  static async open(): Promise<RequestsLab> {
    const lab = await BalancerLab.open()
    const at = new RequestsLab(lab, lab.haproxy())
    const pod = (backend: string) => at.lab.pod((request, response) => {
      let body = ''
      request.setEncoding('latin1').on('data', (chunk: string) => (body += chunk)).on('end', () => {
        at.seen.push({ backend, method: request.method ?? '', url: request.url ?? '', headers: request.headers, names: request.rawHeaders.filter((_, i) => i % 2 === 0), body })
        response.end(backend)
      })
    })
    for (const name of ['a', 'b', 'c', 'd']) at.servers.set(name, [await pod(name)])
    at.servers.set('sticky', [await pod('one'), await pod('two')])
    at.servers.set('echo', [await at.lab.tcpPod((socket) => void socket.pipe(socket))])
    at.servers.set('proxied', [await at.lab.tcpPod((socket) => void socket.once('data', (chunk: Buffer) => socket.end(chunk)))])
    at.servers.set('grpc', [await at.lab.h2cPod((server) => server.on('stream', (stream) => {
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
      stream.pipe(stream)
    }))])
    for (const [id, name] of [[first, 'first.example.org'], [second, 'second.example.org']] as const) at.certificates.set(id, await at.lab.certificate(name, id))
    return at
  }

  bring(options: Partial<BalancerModel['options']> = {}): Promise<string | null> {
    return this.haproxy.bring({ balancer: this.lab.balancer({ ...model, options: { ...model.options, ...options } }), servers: this.servers, certificates: this.certificates })
  }

  to(port: number, options: Parameters<typeof ask>[2] = {}): ReturnType<typeof ask> {
    return ask(this.lab.address, port, options)
  }

  send(port: number, bytes: string): Promise<RawAnswer> {
    return raw(this.lab.address, port, bytes, { isAll: isWhole })
  }
}
