import type { Metadata } from 'next'
import { UploadCertificate } from '@/components/certificates/upload-certificate'

export const metadata: Metadata = { title: 'Upload certificate' }

export default function Page() {
  return <UploadCertificate />
}
