import { describe, expect, it } from 'vitest'
import { parseManifest, type NetworkManifest, type PodManifest } from './parse'
import { formatPath, parsePath } from './source'
import { writeManifest } from './write'

const problemsOf = (text: string) => {
  const { documents, problems } = parseManifest(text)
  return [...problems, ...documents.flatMap((d) => d.problems)].map((p) => `${p.line} ${p.path}: ${p.message}`)
}
const pod = (spec: string, head = 'metadata: {name: web}') => `apiVersion: v1\nkind: Pod\n${head}\nspec:\n${spec}\n`

describe('the manifests of Hypernetes', () => {
  it('reads the Network and Namespace as they were published in 2016', () => {
    const { documents, problems } = parseManifest(`apiVersion: v1  
kind: Network  
metadata:  
  name: net1  
spec:  
  tenantID: 065f210a2ca9442aad898ab129426350  
  subnets:  
    subnet1:  
      cidr: 192.168.0.0/24  
      gateway: 192.168.0.1
---
apiVersion: v1  
kind: Namespace  
metadata:  
  name: ns1  
spec:  
  network: net1
`)
    expect(problems).toEqual([])
    expect(documents.map((d) => d.problems)).toEqual([[], []])
    expect(documents[0]?.object).toMatchObject({ kind: 'Network', spec: { tenantID: '065f210a2ca9442aad898ab129426350', subnets: { subnet1: { cidr: '192.168.0.0/24', gateway: '192.168.0.1' } }, outbound: 'nat' } })
    expect(documents[1]?.object).toMatchObject({ kind: 'Namespace', spec: { network: 'net1' } })
  })

  it('refuses a volume of another kind by its name', () => {
    expect(problemsOf(pod('  containers:\n  - {name: nginx, image: nginx}\n  volumes:\n  - name: data\n    hostPath:\n      path: /'))).toEqual(
      expect.arrayContaining(['9 spec.volumes[0].hostPath: Kubernetes has this field, Hypernetes does not carry it out: a pod is a machine of its own, and sees no folder of its host: use emptyDir, or name a Volume of the tenant in cinder {volumeID}, or a claim in persistentVolumeClaim {claimName}']),
    )
  })
})

describe('pods', () => {
  it('reads all that is carried out and fills defaults', () => {
    const { documents } = parseManifest(pod(`  restartPolicy: OnFailure
  volumes: [{name: tmp, emptyDir: {}}]
  securityContext: {runAsUser: 1000}
  containers:
  - name: app
    image: nginx:1.27
    command: [sh, -c]
    args: ["echo $(A)"]
    env: [{name: A, value: "1"}]
    workingDir: /srv
    resources: {limits: {cpu: 500m, memory: 64Mi}, requests: {cpu: "0.1"}}
    ports: [{containerPort: 80}]
    volumeMounts: [{name: tmp, mountPath: /tmp}]
  - {name: side, image: busybox}`, 'metadata: {name: web, labels: {app: web}, annotations: {note: "x y"}}'))
    expect(documents[0]?.problems).toEqual([])
    expect(documents[0]?.object).toMatchObject({ metadata: { namespace: 'default', labels: { app: 'web' } }, spec: { restartPolicy: 'OnFailure', terminationGracePeriodSeconds: 30, containers: [{ ports: [{ containerPort: 80, protocol: 'TCP' }] }, { name: 'side' }] } })
  })

  it('tells every problem with path and line', () => {
    expect(problemsOf(pod(`  restartPolicy: Sometimes
  hostNetwork: true
  containers:
  - name: A
    image: ""
    imag: x
    env: [{name: PORT, value: 80}]
    resizePolicy: [{resourceName: cpu, restartPolicy: NotRequired}]
  - name: b
    image: busybox
    volumeMounts: [{name: nope, mountPath: rel}]`))).toEqual([
      '6 spec.hostNetwork: Kubernetes has this field, Hypernetes does not carry it out yet: remove it',
      '12 spec.containers[0].resizePolicy: Kubernetes has this field, Hypernetes does not carry it out yet: remove it',
      expect.stringMatching(/^8 spec\.containers\[0\]\.name: must consist of lower-case/),
      expect.stringMatching(/^9 spec\.containers\[0\]\.image: the image is missing/),
      expect.stringMatching(/^11 spec\.containers\[0\]\.env\[0\]\.value: must be a string: quote it/),
      expect.stringMatching(/^10 spec\.containers\[0\]\.imag: is not a field/),
      expect.stringMatching(/^15 spec\.containers\[1\]\.volumeMounts\[0\]\.mountPath: must be an absolute path/),
      expect.stringMatching(/^5 spec\.restartPolicy: must be Always, OnFailure or Never/),
    ])
  })

  it('accepts fields that hold Kubernetes\' default', () => {
    expect(problemsOf(pod(`  dnsPolicy: ClusterFirst
  schedulerName: default-scheduler
  serviceAccountName: default
  enableServiceLinks: true
  hostNetwork: false
  tolerations: []
  nodeSelector: {}
  containers:
  - name: a
    image: busybox
    stdin: false
    terminationMessagePath: /dev/termination-log
    terminationMessagePolicy: File
    securityContext: {privileged: false, allowPrivilegeEscalation: true}`))).toEqual([])
  })

  it('reads a pod\'s place in its network, and an empty name as none', () => {
    const { documents } = parseManifest(pod('  hostname: ""\n  subdomain: nginx\n  network: {subnet: a, addresses: [10.0.0.9, "FD00::9"], securityGroups: [web]}\n  containers: [{name: a, image: busybox}]'))
    expect(documents[0]).toMatchObject({ problems: [], object: { spec: { subdomain: 'nginx', network: { subnet: 'a', addresses: ['10.0.0.9', 'fd00::9'], securityGroups: ['web'] } } } })
    expect(documents[0]?.object).not.toHaveProperty('spec.hostname')
    expect(problemsOf(pod('  network: {addresses: [x], securityGroups: [web, web], subnets: a}\n  containers: [{name: a, image: busybox}]'))).toEqual(expect.arrayContaining([
      '5 spec.network.addresses[0]: must be an IP address', '5 spec.network.subnets: is not a field of Kubernetes\' or Hypernetes\' API: check its spelling',
    ]))
  })

  it('refuses what only the server sets, and status', () => {
    expect(problemsOf(`${pod('  containers: [{name: a, image: b}]', 'metadata: {name: web, uid: x, creationTimestamp: null}')}status: {phase: Running}\n`)).toEqual(['5 status: is set by the server: remove it', '3 metadata.uid: is set by the server: remove it'].map((s) => expect.stringContaining(s.slice(2))))
  })

  it('writes what it reads', () => {
    const text = pod('  containers: [{name: a, image: "b:1", command: [x], ports: [{containerPort: 1}]}]')
    const first = parseManifest(text).documents[0]?.object as PodManifest
    const again = parseManifest(writeManifest('Pod', { name: 'web' }, first.spec)).documents[0]
    expect(again?.problems).toEqual([])
    expect((again?.object as PodManifest).spec).toEqual(first.spec)
  })
})

describe('hostile and broken text', () => {
  it('stops an alias bomb', () => {
    const bomb = `a: &a [x,x,x,x,x,x,x,x,x]\n${'bcdefghi'.split('').map((c, i) => `${c}: &${c} [${Array(9).fill(`*${'abcdefgh'[i]}`).join(',')}]`).join('\n')}\n`
    expect(problemsOf(bomb).join()).toMatch(/alias/i)
  })
  it.each([
    ['', 'The manifest is empty.'],
    ['a: [', '1 '],
    ['a: 1\na: 2', 'unique'],
    ['- 1', 'must be a map'],
    ['apiVersion: v1\nkind: Deployment\nmetadata: {name: x}', '"Deployment" is not carried out'],
    ['apiVersion: apps/v1\nkind: Pod\nmetadata: {name: x}\nspec: {containers: [{name: a, image: b}]}', 'must be v1'],
    ['apiVersion: v1\nkind: Pod', 'metadata'],
    ['a: !!js/function x', 'tag'],
  ])('%j', (text, message) => expect(problemsOf(text).join('\n')).toContain(message))
  it('refuses a text that is too large before parsing it', () => expect(problemsOf('a'.repeat(1600 << 10)).join()).toContain('larger than 1536 KiB'))
  it('refuses a text of too many tokens before building it', () => expect(problemsOf(`a: [${'x,'.repeat(200_000)}]`).join()).toContain('more than 300000 words'))
  it('refuses texts that nest too deep, one after the other in one process', () => {
    const deep = ['['.repeat(5000), `a: ${'['.repeat(3000)}${']'.repeat(3000)}`, '- '.repeat(5000), Array.from({ length: 2000 }, (_, i) => `${' '.repeat(i)}a:`).join('\n'), '{a: '.repeat(4000), '? '.repeat(4000)]
    for (const text of [...deep, ...deep]) expect(problemsOf(text.slice(0, 500_000)).join()).toMatch(/nests deeper|larger than/)
  })
  it('does not fall for keys of Object.prototype', () => {
    expect(problemsOf(pod('  containers: [{name: a, image: b, constructor: {x: 1}, __proto__: {y: 1}}]')).join()).toContain('constructor')
  })
})

describe('networks', () => {
  const network = (subnets: string) => `apiVersion: v1\nkind: Network\nmetadata: {name: n}\nspec: {subnets: ${subnets}}`
  it.each([
    ['{}', 'must have a subnet'],
    ['{a: {cidr: 10.0.0.0/24, gateway: 10.0.1.1}}', 'must be a host address of 10.0.0.0/24'],
    ['{a: {cidr: 169.254.1.0/24}}', 'must not overlap 169.254.0.0/16'],
    ['{a: {cidr: 10.0.0.1/24}}', 'cidr'],
    ['{a: {cidr: 10.0.0.0/30}}', '8 to 29'],
    ['{a: {cidr: 10.0.0.0/24}, b: {cidr: 10.0.0.128/25}}', 'overlaps subnet "a" (10.0.0.0/24)'],
  ])('%s', (subnets, message) => expect(problemsOf(network(subnets)).join()).toContain(message))
  it('takes the first address as gateway where none is named', () => {
    expect(parseManifest(network('{a: {cidr: 10.9.0.0/24}}')).documents[0]?.object).toMatchObject({ spec: { subnets: { a: { gateway: '10.9.0.1' } } } })
  })
})

describe('the kinds of a tenant\'s networks', () => {
  const read = (text: string) => parseManifest(text).documents[0]
  it.each([
    ['Service', 'v1', 'default', 'ports: [{port: 80, targetPort: http}]\n  selector: {app: web}'],
    ['NetworkPolicy', 'networking.k8s.io/v1', 'default', 'podSelector: {}\n  ingress: [{from: [{podSelector: {matchLabels: {a: b}}}], ports: [{port: 80}]}]'],
    ['SecurityGroup', 'v1', null, 'rules: [{direction: ingress, protocol: tcp, ports: [{port: 80}], cidr: 10.0.0.0/8}]'],
    ['NetworkPeering', 'v1', null, 'network: a\n  peer: {tenant: other, network: b}'],
    ['Network', 'v1', null, 'subnets: {a: {cidr: 10.0.0.0/24}}'],
  ] as const)('%s is written as it is read', (kind, apiVersion, namespace, spec) => {
    const first = read(`apiVersion: ${apiVersion}\nkind: ${kind}\nmetadata: {name: web}\nspec:\n  ${spec}\n`)
    expect(first).toMatchObject({ kind, namespace, name: 'web', problems: [] })
    const object = first?.object
    if (!object || !('spec' in object)) throw new Error('nothing was read')
    const written = writeManifest(kind as 'Network', { name: 'web' }, object.spec as NetworkManifest['spec'])
    expect(written).toContain(`apiVersion: ${apiVersion}\n`)
    expect(read(written)).toMatchObject({ problems: [], object: { spec: object.spec } })
  })

  it('have an apiVersion of their own, and none of another\'s', () => {
    expect(problemsOf('apiVersion: networking.k8s.io/v1\nkind: Service\nmetadata: {name: web}\nspec: {ports: [{port: 80}]}')[0]).toContain('must be v1')
    expect(problemsOf('apiVersion: v1\nkind: NetworkPolicy\nmetadata: {name: web}\nspec: {podSelector: {}}')).toEqual([])
    // Of a kind that is not carried out no other apiVersion would be.
    expect(problemsOf('apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}')).toEqual([expect.stringMatching(/^2 kind: "Deployment" is not carried out/)])
  })

  it('are named, and not by the server', () => {
    expect(problemsOf('apiVersion: v1\nkind: Service\nmetadata: {generateName: web-}\nspec: {ports: [{port: 80}]}')).toEqual(['3 metadata.name: is required', '3 metadata.generateName: is not carried out for this kind: give it a name'])
  })

  it('take a path that was written back into its parts', () => {
    for (const path of [['spec', 'rules', 3, 'group'], ['data', 'a.b'], ['spec', 'subnets', 'a-b', 'cidr'], [0, 'x']]) expect(parsePath(formatPath(path))).toEqual(path)
  })
})
