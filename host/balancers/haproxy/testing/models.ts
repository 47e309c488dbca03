import type { BalancerBackend, BalancerListener, BalancerRule } from '@/domain/load-balancer/model'

export const listener = (rest: Partial<BalancerListener> & { port: number }): BalancerListener => ({ protocol: 'http', certificates: [], rules: [], defaultBackend: null, redirectToHttps: null, acceptProxy: false, ...rest })
export const httpBackend = (name: string): BalancerBackend => ({ name, mode: 'http', protocol: 'http1', sendProxy: false, algorithm: 'roundrobin', stickyCookie: null })
export const tcpBackend = (name: string): BalancerBackend => ({ ...httpBackend(name), mode: 'tcp' })
export const rule = (id: string, host: string | null, type: 'Prefix' | 'Exact' | null, value = '/', backend = 'web'): BalancerRule => ({ id, host, path: type && { type, value }, backend })
