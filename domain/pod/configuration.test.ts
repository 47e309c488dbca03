import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fromBase64, textToBase64, toBase64, utf8Text } from '../shared/base64'
import { configurationReferences, type ConfigurationObject, type PodConfiguration, type PodFacts } from './configuration'
import { formatMap } from './downward'
import { projectVolume } from './project-volume'
import { resolveEnvironment } from './resolve-environment'
import { podSpec, type PodSpec, type PodSpecInput } from './spec'

const facts: PodFacts = { name: 'web', namespace: 'shop', uid: 'u-1', labels: { app: 'web', 'x.io/tier': 'front' }, annotations: { note: 'a "b"\nc' }, podIP: '10.0.0.7', hostName: 'h1' }
type Container = PodSpecInput['containers'][number]
const pod = (container: Partial<Container>, rest: Partial<PodSpecInput> = {}): PodSpec => podSpec.parse({ containers: [{ name: 'app', image: 'busybox', ...container }], ...rest })
const object = (kind: ConfigurationObject['kind'], name: string, data: Record<string, string | Uint8Array>, binaryKeys?: string[]): ConfigurationObject => ({
  kind, name, type: '', ...(binaryKeys ? { binaryKeys } : {}),
  data: Object.fromEntries(Object.entries(data).map(([k, v]) => [k, typeof v === 'string' ? textToBase64(v) : toBase64(v)])),
})
const configuration = (...objects: ConfigurationObject[]): PodConfiguration => ({ revision: 'r', objects })

function environment(container: Partial<Container>, given: PodConfiguration | null = null, rest: Partial<PodSpecInput> = {}) {
  const spec = pod(container, rest)
  const { env, ...told } = resolveEnvironment(spec.containers[0]!, spec, given, facts)
  return { env: Object.fromEntries(env.map((e) => [e.name, e.value])), names: env.map((e) => e.name), ...told }
}

describe('the environment of a container', () => {
  const settings = object('ConfigMap', 'settings', { COLOUR: 'red', SIZE: '1' })
  const db = object('Secret', 'db', { password: 'p$(COLOUR)$$', user: 'admin' })

  it('takes envFrom in order, then env, and later ones win', () => {
    const other = object('ConfigMap', 'other', { COLOUR: 'blue' })
    const { env, problems } = environment({ envFrom: [{ configMapRef: { name: 'settings' } }, { configMapRef: { name: 'other' } }, { prefix: 'DB_', secretRef: { name: 'db' } }], env: [{ name: 'SIZE', value: '2' }, { name: 'SIZE', value: '3' }] }, configuration(settings, other, db))
    expect(problems).toEqual([])
    expect(env).toEqual({ COLOUR: 'blue', SIZE: '3', DB_password: 'p$(COLOUR)$$', DB_user: 'admin' })
  })

  it('expands references in values alone, and leaves what a Secret holds as it is', () => {
    const { env } = environment({ envFrom: [{ configMapRef: { name: 'settings' } }], env: [{ name: 'P', valueFrom: { secretKeyRef: { name: 'db', key: 'password' } } }, { name: 'URL', value: 'x://$(P)@$(COLOUR)/$(NONE)/$$(P)/$(LATER)' }, { name: 'LATER', value: '1' }] }, configuration(settings, db))
    expect(env.P).toBe('p$(COLOUR)$$')
    expect(env.URL).toBe('x://p$(COLOUR)$$@red/$(NONE)/$(P)/$(LATER)')
  })

  it('leaves names out that Kubernetes leaves out, and tells them', () => {
    const odd = object('ConfigMap', 'odd', { '1st': 'a', 'a.b-c': 'b', '.x': 'c' })
    const { env, problems, warnings } = environment({ envFrom: [{ configMapRef: { name: 'odd' } }, { prefix: '.', configMapRef: { name: 'odd' } }] }, configuration(odd))
    expect(problems).toEqual([])
    expect(Object.keys(env).sort()).toEqual(['.1st', '.a.b-c', '.x', 'a.b-c'])
    expect(warnings).toEqual([expect.stringMatching(/ConfigMap "odd".*"1st"/), expect.stringMatching(/"\.\.x"/)])
  })

  it('names what is missing with the next action, each once', () => {
    const twice = [{ name: 'A', valueFrom: { secretKeyRef: { name: 'db', key: 'none' } } }, { name: 'B', valueFrom: { secretKeyRef: { name: 'db', key: 'none' } } }]
    const { problems } = environment({ envFrom: [{ configMapRef: { name: 'gone' } }], env: twice }, configuration(db))
    expect(problems).toEqual([
      'ConfigMap "gone" does not exist in namespace "shop": create it, or mark the reference optional.',
      'Secret "db" has no key "none": add it, or mark the reference optional.',
    ])
    expect(environment({ env: twice }, null).problems).toEqual(['Secret "db" does not exist in namespace "shop": create it, or mark the reference optional.'])
  })

  it('leaves out what is optional and missing', () => {
    const { env, problems } = environment({
      envFrom: [{ secretRef: { name: 'gone', optional: true } }],
      env: [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'gone', key: 'k', optional: true } } }, { name: 'B', valueFrom: { secretKeyRef: { name: 'db', key: 'none', optional: true } } }, { name: 'C', value: '$(A)' }],
    }, configuration(db))
    expect({ env, problems }).toEqual({ env: { C: '$(A)' }, problems: [] })
  })

  it('refuses bytes that are no text without showing them', () => {
    const bytes = object('Secret', 'bytes', { raw: new Uint8Array([0xff, 0x41]), zero: 'canary\0' })
    const { problems } = environment({ envFrom: [{ secretRef: { name: 'bytes' } }] }, configuration(bytes))
    expect(problems).toEqual([expect.stringContaining('Key "raw" of Secret "bytes" is not text in UTF-8'), expect.stringContaining('Key "zero" of Secret "bytes" holds a zero byte')])
    expect(problems.join()).not.toContain('canary')
  })

  it('takes nothing of a ConfigMap\'s binaryData', () => {
    const mixed = object('ConfigMap', 'mixed', { text: 'a', image: new Uint8Array([0xff]) }, ['image'])
    expect(environment({ envFrom: [{ configMapRef: { name: 'mixed' } }] }, configuration(mixed))).toMatchObject({ env: { text: 'a' }, problems: [] })
    expect(environment({ env: [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'mixed', key: 'image' } } }] }, configuration(mixed)).problems).toHaveLength(1)
  })

  it('does not fall for names of Object.prototype', () => {
    const plain = object('ConfigMap', 'plain', { a: 'b' })
    const { env, problems } = environment({ env: [{ name: '__proto__', value: 'x' }, { name: 'A', value: '$(constructor)' }, { name: 'B', valueFrom: { configMapKeyRef: { name: 'plain', key: 'constructor' } } }] }, configuration(plain))
    expect(env.A).toBe('$(constructor)')
    expect(problems).toEqual(['ConfigMap "plain" has no key "constructor": add it, or mark the reference optional.'])
  })

  it('knows the fields of the pod', () => {
    const field = (name: string, fieldPath: string) => ({ name, valueFrom: { fieldRef: { fieldPath } } })
    const { env } = environment({ env: [field('N', 'metadata.name'), field('NS', 'metadata.namespace'), field('U', 'metadata.uid'), field('IP', 'status.podIP'), field('IPS', 'status.podIPs'), field('H', 'spec.nodeName'), field('S', 'spec.serviceAccountName'), field('L', "metadata.labels['x.io/tier']"), field('M', "metadata.labels['none']"), field('A', "metadata.annotations['note']")] })
    expect(env).toEqual({ N: 'web', NS: 'shop', U: 'u-1', IP: '10.0.0.7', IPS: '10.0.0.7', H: 'h1', S: 'default', L: 'front', M: '', A: 'a "b"\nc' })
  })

  it('gives resources in units of the divisor, rounded up', () => {
    const resource = (name: string, resource: 'limits.cpu' | 'limits.memory' | 'requests.cpu' | 'requests.memory' | 'limits.ephemeral-storage', divisor?: string, containerName?: string) => ({ name, valueFrom: { resourceFieldRef: { resource, ...(divisor ? { divisor } : {}), ...(containerName ? { containerName } : {}) } } })
    const resources = { limits: { cpu: '1500m', memory: '100Mi' }, requests: { cpu: '250m' } }
    const { env, problems } = environment({ resources, env: [resource('C', 'limits.cpu'), resource('M', 'limits.cpu', '1m'), resource('B', 'limits.memory'), resource('G', 'limits.memory', '1Gi'), resource('R', 'requests.cpu', '1m'), resource('Q', 'requests.memory', '1Mi'), resource('X', 'limits.cpu', '1', 'nobody'), resource('Y', 'limits.cpu', 'much')] })
    expect(env).toEqual({ C: '2', M: '1500', B: String(100 << 20), G: '1', R: '250', Q: '100' })
    expect(problems).toEqual([expect.stringContaining('no container "nobody"'), expect.stringContaining('The divisor "much"')])
  })

  it('takes the machine\'s size where there is no limit', () => {
    const resource = (name: string, resource: 'limits.cpu' | 'limits.memory' | 'requests.memory' | 'limits.ephemeral-storage') => ({ name, valueFrom: { resourceFieldRef: { resource } } })
    const { env, problems } = environment({ env: [resource('C', 'limits.cpu'), resource('M', 'limits.memory'), resource('R', 'requests.memory'), resource('E', 'limits.ephemeral-storage')] })
    expect(env).toEqual({ C: '1', M: String(64 << 20), R: '0' })
    expect(problems).toEqual([expect.stringContaining('no limit of ephemeral-storage')])
  })
})

describe('the files of a volume', () => {
  type Volume = NonNullable<PodSpecInput['volumes']>[number]
  function files(volume: Omit<Volume, 'name'>, given: PodConfiguration | null = null) {
    const spec = pod({}, { volumes: [{ name: 'v', ...volume }] })
    const result = projectVolume(spec.volumes[0]!, spec, given, facts)
    return { files: result.files.map((f) => `${f.mode.toString(8)} ${f.path} ${utf8Text(fromBase64(f.contentBase64)!)}`), problems: result.problems }
  }
  const site = object('ConfigMap', 'site', { 'index.html': '<h1>', 'robots.txt': 'no' })
  const tls = object('Secret', 'tls', { 'tls.crt': 'c', 'tls.key': 'k' })

  it('makes a file of every key, with the default mode', () => {
    expect(files({ configMap: { name: 'site' } }, configuration(site)).files).toEqual(['644 index.html <h1>', '644 robots.txt no'])
    expect(files({ secret: { secretName: 'tls', defaultMode: 0o400 } }, configuration(tls)).files).toEqual(['400 tls.crt c', '400 tls.key k'])
    expect(files({ emptyDir: {} })).toEqual({ files: [], problems: [] })
  })
  it('makes the items alone where there are some', () => {
    expect(files({ secret: { secretName: 'tls', items: [{ key: 'tls.key', path: 'keys/./own.pem', mode: 0o400 }, { key: 'tls.crt', path: 'crt' }] } }, configuration(tls)).files).toEqual(['644 crt c', '400 keys/own.pem k'])
    expect(files({ configMap: { name: 'site', items: [] } }, configuration(site)).files).toEqual([])
  })
  it('names what is missing, unless it is optional', () => {
    expect(files({ configMap: { name: 'site' } }, null).problems).toEqual(['ConfigMap "site" does not exist in namespace "shop": create it, or mark the reference optional.'])
    expect(files({ configMap: { name: 'site', optional: true } }, null)).toEqual({ files: [], problems: [] })
    const items = [{ key: 'none', path: 'x' }, { key: 'robots.txt', path: 'r' }]
    expect(files({ configMap: { name: 'site', items } }, configuration(site)).problems).toEqual(['ConfigMap "site" has no key "none": add it, or mark the reference optional.'])
    expect(files({ configMap: { name: 'site', items, optional: true } }, configuration(site))).toEqual({ files: ['644 r no'], problems: [] })
  })
  it('merges projected sources, the later one winning', () => {
    const result = files({ projected: { defaultMode: 0o440, sources: [{ configMap: { name: 'site', items: [{ key: 'robots.txt', path: 'a' }, { key: 'robots.txt', path: 'b' }] } }, { secret: { name: 'tls', items: [{ key: 'tls.key', path: 'a' }] } }, { downwardAPI: { items: [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }, { path: 'cpu', resourceFieldRef: { containerName: 'app', resource: 'limits.cpu' }, mode: 0o444 }] } }] } }, configuration(site, tls))
    expect(result).toEqual({ files: ['440 a k', '440 b no', '444 cpu 1', '440 labels app="web"\nx.io/tier="front"'], problems: [] })
  })
  it('refuses paths that collide or belong to the writer', () => {
    expect(files({ configMap: { name: 'site', items: [{ key: 'robots.txt', path: 'a' }, { key: 'robots.txt', path: 'a/b' }] } }, configuration(site)).problems).toEqual([expect.stringContaining('a file at "a" and another one below it, "a/b"')])
    expect(files({ configMap: { name: 'site', items: [{ key: 'robots.txt', path: '..data' }] } }, configuration(site)).problems).toEqual([expect.stringContaining('cannot hold a file at "..data"')])
    expect(files({ configMap: { name: 'site', items: [{ key: 'robots.txt', path: './.' }] } }, configuration(site)).problems).toHaveLength(1)
  })
  it('asks for the container of a resource', () => expect(files({ downwardAPI: { items: [{ path: 'x', resourceFieldRef: { resource: 'limits.cpu' } }] } }).problems).toEqual([expect.stringContaining('set containerName')]))
  it('never leaves the volume', () => {
    fc.assert(fc.property(fc.string({ unit: fc.constantFrom('.', '/', 'a', '..') }).filter((p) => p !== ''), (path) => {
      const spec = pod({}, { volumes: [{ name: 'v', configMap: { name: 'site' } }] })
      const volume = { ...spec.volumes[0]!, configMap: { name: 'site', defaultMode: 0o644, optional: false, items: [{ key: 'robots.txt', path }] } }
      for (const file of projectVolume(volume, spec, configuration(site), facts).files) expect(file.path).toMatch(/^(?!\.\.)[^/]+(\/(?!\.\.?(\/|$))[^/]+)*$/)
    }))
  })
})

it('writes maps as Kubernetes does', () => {
  expect(formatMap({ b: 'x', a: 'say "hi"\\\t\n\u0001\u007fé\u200b😀\u{e0001}' })).toBe('a="say \\"hi\\"\\\\\\t\\n\\x01\\x7fé\\u200b😀\\U000e0001"\nb="x"')
  expect(formatMap({})).toBe('')
})

it('finds every object that a spec names, optional only where every use is', () => {
  const spec = pod({ env: [{ name: 'A', valueFrom: { secretKeyRef: { name: 's', key: 'k', optional: true } } }], envFrom: [{ configMapRef: { name: 'c' } }] }, {
    volumes: [{ name: 'v', secret: { secretName: 's' } }, { name: 'p', projected: { sources: [{ configMap: { name: 'c', optional: true } }, { secret: { name: 't', optional: true } }] } }],
    imagePullSecrets: [{ name: 'pull' }],
    initContainers: [{ name: 'i', image: 'b', envFrom: [{ secretRef: { name: 'of-init' } }] }],
  })
  expect(configurationReferences(spec).map((r) => `${r.kind}/${r.name}${r.optional ? '?' : ''}`)).toEqual(['ConfigMap/c', 'Secret/of-init', 'Secret/pull?', 'Secret/s', 'Secret/t?'])
})
