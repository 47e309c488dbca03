/** Where a HAProxy finds its files: read-only, but for the folder of its sockets. */
export const balancerFolder = '/balancer'
export const runFolder = 'run'
export const sockets = { worker: 'worker.sock', master: 'master.sock' } as const
export const configurationFile = 'haproxy.cfg'
export const certificateFile = (id: string): string => `certificate-${id}.pem`
export const inBalancer = (file: string): string => `${balancerFolder}/${file}`
