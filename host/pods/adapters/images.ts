import type { ImageReport } from '@/contracts/host/v1'
import { ImageError } from '@/host/images/image-error'
import type { ImageStore, StoredImage } from '@/host/images/image-store'
import { ImageProblem, type ImagePort } from '../ports'

/** The image store as workers use it; each image's progress and end is told for the host's report of images. */
export function imagePort(store: ImageStore, onImage: (image: ImageReport) => void): ImagePort {
  return {
    ensure: async (reference, { policy, signal, onProgress }) => {
      try {
        const image = await store.ensure(reference, {
          pullPolicy: policy,
          signal,
          onProgress: ({ phase, bytesDone = 0, bytesTotal = 0 }) => {
            if (phase === 'pulling' || phase === 'merging') onProgress({ bytesDone, bytesTotal })
          },
        })
        onImage(imageReport(reference, image))
        return { reference: image.reference, digest: image.digest, sizeBytes: image.sizeBytes, file: image.squashfs, config: runConfig(image) }
      } catch (error) {
        if (!(error instanceof ImageError) || error.code === 'cancelled') throw error
        const message = `${error.message} ${error.action}`
        onImage({ reference, digest: null, sizeBytes: null, phase: 'Failed', message, bytesDone: 0, bytesTotal: 0 })
        throw new ImageProblem(error.code, reference, message)
      }
    },
  }
}

/** The report of an image that is ready. */
export const imageReport = (reference: string, image: Pick<StoredImage, 'digest' | 'sizeBytes'>): ImageReport => ({
  reference,
  digest: image.digest,
  sizeBytes: image.sizeBytes,
  phase: 'Ready',
  message: '',
  bytesDone: image.sizeBytes,
  bytesTotal: image.sizeBytes,
})

const runConfig = ({ config }: StoredImage) => ({
  entrypoint: config.entrypoint,
  command: config.cmd,
  environment: config.env,
  workingDir: config.workingDir,
  user: config.user,
  stopSignal: config.stopSignal ?? '',
})
