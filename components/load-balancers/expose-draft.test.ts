import { expect, it } from 'vitest'
import { exposePorts, looksLikeWeb, portProblem } from './expose-draft'

it('offers the pod’s own TCP ports, those of web pages first', () => {
  const spec = { containers: [{ name: 'db', ports: [{ containerPort: 5432, protocol: 'TCP' }, { containerPort: 53, protocol: 'UDP' }] }, { name: 'web', ports: [{ containerPort: 8080, name: 'http', protocol: 'TCP' }] }] } as unknown as Parameters<typeof exposePorts>[0]
  expect(exposePorts(spec)).toEqual([{ port: 8080, name: 'http', container: 'web' }, { port: 5432, name: null, container: 'db' }])
  expect([looksLikeWeb({ port: 4711, name: 'web-ui' }), looksLikeWeb({ port: 5432, name: null })]).toEqual([true, false])
  expect(['80', ' 8080 ', '0', '65536', 'http', ''].map((typed) => portProblem(typed) === null)).toEqual([true, true, false, false, false, false])
})
