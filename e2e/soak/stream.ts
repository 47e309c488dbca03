import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { sampleImage } from '@/domain/image/sample'
import type { PodView } from '@/domain/pod/view'
import type { Tenant } from '../fixtures/accounts'
import { codeOf, persist, type Retries } from './client'
import type { Lane, Work } from './script'

const START_MS = 240_000
const marksFile = '/tmp/marks'

/** A stream of creates, commands and deletions by clients that work at the same time. */
export class Stream {
  readonly retries: Retries = new Map()
  /** Commands that were acknowledged, and how many were sent. */
  commands = { acknowledged: 0, sent: 0 }
  created = 0
  deleted = 0

  constructor(
    private readonly tenant: Tenant,
    /** A step is about to be taken, and is once this resolves; the stream breaks off when it throws. */
    private readonly onStep: () => Promise<void> = async () => {},
  ) {}

  /** Resolves when all lanes have come to their end. The first that fails ends the run. */
  async run(script: readonly Lane[]): Promise<void> {
    await Promise.all(script.map((lane) => this.runLane(lane)))
  }

  private async runLane(lane: Lane): Promise<void> {
    for (const work of lane) {
      const accepted = await this.create(work)
      if (work.deleted === 'early') await delay(work.afterMs)
      else await this.use(work, accepted)
      if (work.deleted !== 'never') await this.remove(work.name)
    }
  }

  private async create(work: Work): Promise<PodView> {
    await this.onStep()
    const requestId = randomUUID()
    const command = work.kind === 'job' ? { command: ['sh', '-c', `sleep 0.2; exit ${work.exitCode}`] } : {}
    const spec = { containers: [{ name: 'main', image: sampleImage, ...command }], terminationGracePeriodSeconds: 1, ...(work.kind === 'job' && { restartPolicy: 'Never' }) }
    const send = () => this.tenant.api.pod.create.mutate({ tenant: this.tenant.slug, name: work.name, labels: { kind: work.kind }, spec, requestId })
    const pod = await persist(`create ${work.name}`, this.retries, send)
    // An answer may be lost after the commit: who asks again under the same id must get the same pod.
    const again = await persist(`create ${work.name} again`, this.retries, send)
    if (again.metadata.uid !== pod.metadata.uid) throw new Error(`${work.name} was made twice for one requestId: ${pod.metadata.uid} and ${again.metadata.uid}`)
    this.created += 1
    return pod
  }

  private async use(work: Work, accepted: PodView): Promise<void> {
    const wanted = work.kind === 'serve' ? 'Running' : work.exitCode === 0 ? 'Succeeded' : 'Failed'
    const now = await this.waitFor(work.name, (pod) => pod.status.phase === wanted)
    if (now.metadata.uid !== accepted.metadata.uid) throw new Error(`${work.name} is another pod than the one that was accepted`)
    if (work.kind === 'job') return
    const sent: string[] = []
    const acknowledged: string[] = []
    for (let i = 0; i < work.commands; i++) {
      await this.onStep()
      const last = await persist(`command in ${work.name}`, this.retries, async (attempt) => {
        const mark = `${i}.${attempt}`
        sent.push(mark)
        const { exitCode } = await this.tenant.api.pod.run.mutate({ ...this.reference(work.name), command: ['sh', '-c', `echo ${mark} >> ${marksFile}`], timeoutSeconds: 20 })
        if (exitCode !== 0) throw new Error(`a command ended with ${exitCode}`)
        return mark
      })
      acknowledged.push(last)
    }
    this.commands = { sent: this.commands.sent + sent.length, acknowledged: this.commands.acknowledged + acknowledged.length }
    assertMarks(work.name, { sent, acknowledged, found: await this.marksOf(work.name) })
  }

  private async remove(name: string): Promise<void> {
    await this.onStep()
    const isGone = (error: unknown) => codeOf(error) === 'NOT_FOUND'
    await persist(`delete ${name}`, this.retries, async () => {
      try {
        await this.tenant.api.pod.delete.mutate({ ...this.reference(name), graceSeconds: 1 })
      } catch (error) {
        if (!isGone(error)) throw error
      }
    })
    await this.until(`${name} to be gone`, () =>
      persist(`look for ${name}`, this.retries, async () => {
        try {
          await this.tenant.api.pod.get.query(this.reference(name))
          return false
        } catch (error) {
          if (isGone(error)) return true
          throw error
        }
      }),
    )
    this.deleted += 1
  }

  /** The numbers of a pod's commands that ran, each once: what a client that tries again meant. */
  async meantMarks(name: string): Promise<number[]> {
    return [...new Set((await this.marksOf(name)).map((mark) => Number.parseInt(mark, 10)))].sort((a, b) => a - b)
  }

  private async marksOf(name: string): Promise<string[]> {
    const { stdout } = await persist(`read the marks of ${name}`, this.retries, () => this.tenant.api.pod.run.mutate({ ...this.reference(name), command: ['sh', '-c', `touch ${marksFile}; cat ${marksFile}`], timeoutSeconds: 20 }))
    return stdout.split('\n').filter(Boolean)
  }

  async waitFor(name: string, wanted: (pod: PodView) => boolean): Promise<PodView> {
    let last: PodView | undefined
    await this.until(`${name}, which is ${JSON.stringify(last)}`, async () => {
      last = await persist(`read ${name}`, this.retries, () => this.tenant.api.pod.get.query(this.reference(name)))
      return wanted(last)
    }).catch((error: unknown) => {
      throw new Error(`${name} was at last ${last?.status.phase}: ${last?.status.reason} ${last?.status.message}`, { cause: error })
    })
    if (!last) throw new Error(`${name} was never read`)
    return last
  }

  private async until(what: string, done: () => Promise<boolean>): Promise<void> {
    const end = Date.now() + START_MS
    while (!(await done())) {
      if (Date.now() > end) throw new Error(`waited ${START_MS / 1000} s for ${what}`)
      await delay(200)
    }
  }

  private reference(name: string) {
    return { tenant: this.tenant.slug, namespace: 'default', name }
  }
}

/** A command that was acknowledged ran once; one whose answer was lost ran once or never; nothing else ran. */
function assertMarks(name: string, { sent, acknowledged, found }: { sent: string[]; acknowledged: string[]; found: string[] }): void {
  const twice = found.filter((mark, i) => found.indexOf(mark) !== i)
  const lost = acknowledged.filter((mark) => !found.includes(mark))
  const strange = found.filter((mark) => !sent.includes(mark))
  if (twice.length + lost.length + strange.length > 0) throw new Error(`commands in ${name}: ran twice [${twice}], acknowledged and lost [${lost}], never sent [${strange}]`)
}
