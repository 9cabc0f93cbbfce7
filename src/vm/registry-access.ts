import { MultipassError } from '../errors.js';
import { formatReference, parseReference, type Reference } from '../registry/reference.js';
import type { RegistryOptions } from '../registry/registry-connection.js';
import type { StoreLayout } from '../store/layout.js';
import type { Work } from '../work.js';
import { readSettings } from './settings/settings.js';

/** How the registries that references name are spoken to, as the user has set it. */
export function registryAccess(
  layout: StoreLayout,
  { signal }: Work,
): { readonly parse: (text: string) => Reference; readonly options: RegistryOptions } {
  const settings = readSettings(layout, process.env);
  return {
    parse: (text) => parseReference(text, settings.registry),
    options: { insecureHosts: settings.insecureRegistries, env: process.env, signal },
  };
}

/** The error (REFERENCE_NOT_FOUND) for what a registry has not. */
export function referenceNotFound(reference: Reference): MultipassError {
  const written = formatReference(reference);
  return new MultipassError('REFERENCE_NOT_FOUND', `"${written}" is not in the registry`, {
    hint: `Look at the tags that there are: \`skopeo list-tags docker://${reference.host}/${reference.repository}\`.`,
    details: { reference: written },
  });
}
