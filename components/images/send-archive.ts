import { paths } from '@/components/client/paths'
import { refusalOf, UploadError } from '@/components/pods/files/upload'

/** Sends a file as the body of a PUT; gives the answer. `onProgress` hears the bytes sent so far. Rejects with an UploadError, or with an AbortError. */
export function putFile(path: string, type: string, file: File, onProgress: (bytes: number) => void, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    // fetch cannot tell how much of a body was sent.
    const request = new XMLHttpRequest()
    request.open('PUT', path)
    request.setRequestHeader('content-type', type)
    request.upload.onprogress = (event) => onProgress(event.loaded)
    request.onload = () => (request.status === 201 ? resolve(request.responseText) : reject(new UploadError(refusalOf(request.status, request.responseText))))
    request.onerror = () => reject(new UploadError('The connection broke off, or the file cannot be read. Check both and try again.'))
    request.onabort = () => reject(new DOMException('Cancelled', 'AbortError'))
    signal.addEventListener('abort', () => request.abort(), { once: true })
    request.send(file)
  })
}

/** Sends an archive of an image under a reference. */
export async function sendArchive(tenant: string, reference: string, file: File, onProgress: (bytes: number) => void, signal: AbortSignal): Promise<void> {
  await putFile(paths.imageUploadApi(tenant, reference), 'application/x-tar', file, onProgress, signal)
}
