import { paths } from '@/components/client/paths'
import { refusalOf, UploadError } from '@/components/pods/files/upload'

/** Sends an archive under a reference. `onProgress` hears the bytes sent so far. Rejects with an UploadError, or with an AbortError. */
export function sendArchive(tenant: string, reference: string, file: File, onProgress: (bytes: number) => void, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    // fetch cannot tell how much of a body was sent.
    const request = new XMLHttpRequest()
    request.open('PUT', paths.imageUploadApi(tenant, reference))
    request.setRequestHeader('content-type', 'application/x-tar')
    request.upload.onprogress = (event) => onProgress(event.loaded)
    request.onload = () => (request.status === 201 ? resolve() : reject(new UploadError(refusalOf(request.status, request.responseText))))
    request.onerror = () => reject(new UploadError('The connection broke off, or the file cannot be read. Check both and try again.'))
    request.onabort = () => reject(new DOMException('Cancelled', 'AbortError'))
    signal.addEventListener('abort', () => request.abort(), { once: true })
    request.send(file)
  })
}
