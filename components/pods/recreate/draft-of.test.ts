import { describe, expect, it } from 'vitest'
import { podSpec } from '@/domain/pod/spec'
import { checkDraft } from '../draft'
import { copyName, draftOf } from './draft-of'

const spec = podSpec.parse({
  initContainers: [{ name: 'prepare', image: 'busybox' }, { name: 'proxy', image: 'busybox', restartPolicy: 'Always' }],
  containers: [{ name: 'a', image: 'nginx', env: [{ name: 'P', valueFrom: { secretKeyRef: { name: 's', key: 'k' } } }], readinessProbe: { httpGet: { port: 80 } }, volumeMounts: [{ name: 'tmp', mountPath: '/tmp' }] }],
  volumes: [{ name: 'tmp', emptyDir: {} }],
  imagePullSecrets: [{ name: 'registry' }],
})
const pod = { metadata: { namespace: 'team', name: 'web', labels: { app: 'web' }, annotations: {} }, spec }

describe('a pod as the manifest that makes it again', () => {
  it('is read back as the same pod', () => {
    const { documents, problems } = checkDraft(draftOf(pod))
    expect(problems).toEqual([])
    expect(documents).toMatchObject([{ object: { kind: 'Pod', metadata: { namespace: 'team', name: 'web', labels: { app: 'web' } } } }])
    expect(documents[0]?.object).toHaveProperty('spec', spec)
  })
  it('is a copy under another name', () => expect(draftOf(pod, copyName('web'))).toContain('name: web-copy'))
  it.each(['web', 'a'.repeat(63), `${'a'.repeat(57)}-${'b'.repeat(40)}`])('a copy of %s has a name that a pod may have', (name) => {
    const copied = copyName(name)
    expect(copied.length).toBeLessThanOrEqual(63)
    expect(checkDraft(draftOf(pod, copied)).problems).toEqual([])
  })
})
