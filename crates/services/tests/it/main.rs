//! The use cases on a real PostgreSQL.

mod acquisition;
mod api_keys;
mod audit;
mod covers;
mod dashboard;
mod due_jobs;
mod faults_of_clients;
mod faults_of_indexers;
mod faults_of_libraries;
mod faults_of_releases;
mod integrations;
mod key_rotation;
mod library;
mod limits;
mod login_guard;
mod oidc;
mod oidc_abuse;
mod packs;
mod people;
mod queue;
mod sessions;
mod settings;
mod shelf;
mod standing;
mod support;
mod yard;
