import type { ExternalRepoMethods } from '@koji/core/api';
import type { Handlers } from '../call.js';
import { truthy } from '../domain/values/convert.js';
import {
  addExternalRepoToTag,
  createExternalRepo,
  deleteExternalRepo,
  editExternalRepo,
  editTagExternalRepo,
  findExternalRepo,
  getExternalRepo,
  inheritedExternalRepos,
  listExternalRepos,
  listTagExternalRepos,
  readExternalRepoData,
  removeExternalRepoFromTag,
  writeExternalRepoData,
} from '../domain/tags/external-repos.js';

/** Handlers of the methods about external repos. */
export const externalRepos: Handlers<ExternalRepoMethods> = {
  createExternalRepo: ({ name, url }, call) => createExternalRepo(call, name, url),

  listExternalRepos: ({ info, url, event, queryOpts }, call) =>
    listExternalRepos(call, { info, url, event, opts: queryOpts }),

  getExternalRepo: ({ info, strict, event }, call) =>
    (strict ? getExternalRepo : findExternalRepo)(call, info, event),

  async editExternalRepo({ info, name, url }, call) {
    await editExternalRepo(call, info, { name, url });
    return null;
  },

  async deleteExternalRepo({ info }, call) {
    await deleteExternalRepo(call, info);
    return null;
  },

  async addExternalRepoToTag({ tag_info, repo_info, priority, merge_mode: mergeMode, arches }, call) {
    await addExternalRepoToTag(call, tag_info, repo_info, { priority, mergeMode, arches });
    return null;
  },

  async removeExternalRepoFromTag({ tag_info, repo_info }, call) {
    await removeExternalRepoFromTag(call, tag_info, repo_info);
    return null;
  },

  editTagExternalRepo: ({ tag_info, repo_info, priority, merge_mode: mergeMode, arches }, call) =>
    editTagExternalRepo(call, tag_info, repo_info, { priority, mergeMode, arches }),

  getTagExternalRepos: ({ tag_info, repo_info, event }, call) =>
    listTagExternalRepos(call, {
      tag: truthy(tag_info) ? tag_info : null,
      repo: truthy(repo_info) ? repo_info : null,
      event,
    }),

  getExternalRepoList: ({ tag_info, event }, call) => inheritedExternalRepos(call, tag_info, event),

  'repo.getExternalRepoData': ({ erepo }, call) => readExternalRepoData(call, erepo),

  async 'repo.setExternalRepoData'({ external_repo_id: info, data }, call) {
    await writeExternalRepoData(call, info, data);
    return null;
  },
};
