import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach } from 'vitest'
import { run } from '@/platform/exec'
import { logger } from '@/platform/logger'
import { ImageError } from '../image-error'
import { ImageStore, type EnsureOptions, type ImageStoreOptions } from '../image-store'

const log = logger('images')
log.level = 'silent'

/** A folder for each test, and stores in it. `registry` names the default registry, reached over plain HTTP. */
export function storeFixture(registry: () => string) {
  let folder = ''
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'images-'))
  })
  afterEach(() => rm(folder, { recursive: true }))
  return {
    get folder(): string {
      return folder
    },
    open: (options: Partial<ImageStoreOptions> = {}): Promise<ImageStore> =>
      ImageStore.open({ dir: join(folder, 'store'), defaultRegistry: registry(), insecureRegistries: [registry()], logger: log, minFreeBytes: 0, ...options }),
    /** What a failed or ended pull left behind. */
    leftovers: (): Promise<string[]> => readdir(join(folder, 'store', 'tmp')),
  }
}

/** The error of an `ensure` that must fail. */
export async function failure(store: ImageStore, reference: string, options?: EnsureOptions): Promise<ImageError> {
  const error: unknown = await store.ensure(reference, options).catch((reason: unknown) => reason)
  if (error instanceof ImageError) return error
  throw error instanceof Error ? error : new Error(`${reference} was accepted`)
}

/** A file's text in a squashfs, without unpacking it. */
export const cat = async (squashfs: string, path: string): Promise<string> => (await run('unsquashfs', ['-cat', squashfs, path])).stdout
