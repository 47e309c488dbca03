import type { ImageReport, ImageUpload } from '@/contracts/host/v1'
import { readPullSecret } from '@/domain/image/docker-config'
import type { ConfigurationObject } from '@/domain/pod/configuration'
import { ImageError } from '@/host/images/image-error'
import type { ImageStore, StoredImage } from '@/host/images/image-store'
import type { ScopedAuth } from '@/host/images/registry/auth-file'
import type { Upload } from '@/host/images/upload/import-upload'
import { Secret } from '@/platform/crypto/secret'
import { ImageProblem, type ImagePort } from '../ports'
import { storableText } from '../storable-text'

/** Gives an upload's archive from the server. */
export type FetchUpload = (uploadId: string, write: (chunk: Buffer) => Promise<void>, signal: AbortSignal) => Promise<void>

/** The image store as workers use it; each image's end is told for the host's report of images. */
export function imagePort(store: ImageStore, onImage: (image: ImageReport) => void, fetchUpload: FetchUpload = noUploads): ImagePort {
  return {
    ensure: async (reference, { tenantId, policy, pullSecrets, upload, inBackground = false, signal, onProgress }) => {
      const { credentials, problems } = credentialsOf(pullSecrets)
      try {
        const image = await store.ensure(reference, {
          tenantId,
          pullPolicy: policy,
          credentials,
          ...(upload ? { upload: uploadOf(upload, fetchUpload) } : {}),
          inBackground,
          signal,
          onProgress: ({ phase, bytesDone = 0, bytesTotal = 0 }) => {
            if (phase === 'damaged') onProgress({ bytesDone, bytesTotal, wasDamaged: true })
            if (phase === 'pulling' || phase === 'merging') onProgress({ bytesDone, bytesTotal })
          },
        })
        onImage(imageReport(tenantId, reference, image))
        return { reference: image.reference, digest: image.digest, sizeBytes: image.sizeBytes, file: image.squashfs, config: runConfig(image) }
      } catch (error) {
        if (!(error instanceof ImageError) || error.code === 'cancelled') throw error
        const message = [error.message, ...(error.code === 'refused' || error.code === 'not-found' ? problems : []), error.action].join(' ')
        onImage({ tenantId, reference, digest: null, sizeBytes: null, phase: 'Failed', message: storableText(message, 4096), bytesDone: 0, bytesTotal: 0 })
        throw new ImageProblem(error.code, reference, message)
      }
    },
  }
}

/** A Secret that cannot be read is passed over, as the image may need none; what is wrong with it is told when it fails. */
function credentialsOf(pullSecrets: readonly ConfigurationObject[]): { credentials: ScopedAuth[]; problems: string[] } {
  const read = pullSecrets.map(readPullSecret)
  return {
    credentials: read.flatMap((one) => (one.ok ? one.credentials.map(({ host, path, username, password }) => ({ host, path, username, password: new Secret(password) })) : [])),
    problems: read.flatMap((one) => (one.ok ? [] : [one.message])),
  }
}

const uploadOf = ({ uploadId, digest, bytes }: ImageUpload, fetchUpload: FetchUpload): Upload => ({ id: uploadId, digest, bytes, fetch: (write, signal) => fetchUpload(uploadId, write, signal) })

const noUploads: FetchUpload = () => Promise.reject(new ImageError('unreachable', 'The server that keeps uploads is not connected.', 'It is tried again.'))

/** The report of an image that is ready. */
export const imageReport = (tenantId: string, reference: string, image: Pick<StoredImage, 'digest' | 'sizeBytes'>): ImageReport => ({
  tenantId,
  reference,
  digest: image.digest,
  sizeBytes: image.sizeBytes,
  phase: 'Ready',
  message: '',
  bytesDone: image.sizeBytes,
  bytesTotal: image.sizeBytes,
})

/** The reports of all images of a store: who may use one without asking its registry is told of it. */
export const storedReports = (store: ImageStore): ImageReport[] =>
  store.known().map(({ tenantId, reference, ...image }) => imageReport(tenantId, reference, image))

const runConfig = ({ config }: StoredImage) => ({
  entrypoint: config.entrypoint,
  command: config.cmd,
  environment: config.env,
  workingDir: config.workingDir,
  user: config.user,
  stopSignal: config.stopSignal ?? '',
})
