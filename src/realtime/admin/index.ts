export { RealtimeAdminModule } from './admin.module.js';
export type { RealtimeAdminOptions } from './admin.module.js';
export type { PodFigures } from './pod-figures.js';
export type { PodsFound } from './pod-census.js';
