import { optionKeyOf } from '../keys.js'

/** SimpleTuner's keys that have no meaning here, with the reason: whole names, or beginnings that end in `_`. */
type Group = { readonly reason: string; readonly keys: ReadonlyArray<string> }

const words = (text: string): ReadonlyArray<string> => text.split(/\s+/).filter((word) => word !== '')

const groups: ReadonlyArray<Group> = [
  {
    reason: 'what is trained on is said by the options of the data',
    keys: words(`
      data_backend_ override_dataset_config resolution resolution_type caption_strategy instance_prompt disable_multiline_split
      parquet_ ignore_missing_files conditioning_multidataset_sampling max_upscale_threshold aspect_bucket_ minimum_image_size
      maximum_image_size target_downsample_size disable_bucket_pruning allow_dataset_oversubscription delete_unwanted_images
      delete_problematic_images skip_file_discovery image_processing_batch_size write_batch_size read_batch_size metadata_update_interval
      enable_nsfw_check nsfw_check_ delete_nsfw_images audio_ framerate prepend_instance_prompt only_instance_prompt data_aesthetic_score
      dataloader_ compress_disk_cache cache_dir cache_dir_ preserve_data_backend_cache enable_multiprocessing aws_ max_workers
      print_filenames debug_ training_data_`),
  },
  {
    reason: 'latents and embeddings are made before training, and come with the data',
    keys: words(`
      vae_ keep_vae_loaded text_encoder_ text_cache_ text_embed_ train_text_encoder fully_unload_text_encoder save_text_encoder
      tokenizer_max_length t5_padding ideogram_ pretrained_vae_ pretrained_t5_ pretrained_gemma_ qwen_text_encoder_
      custom_text_encoder_intermediary_layers uncond_`),
  },
  {
    reason: 'the model is built here, or comes as an ONNX file: the options of the model say which',
    keys: words(`
      model_family model_flavour model_type pretrained_ revision variant trust_remote_code controlnet controlnet_ control
      tread_config diffusion_blocks_config fuse_qkv_projections unet_attention_slice max_grounding_entities cosmos3_ minimax_ hidream_
      flux_ ltx2_ wan_ krea2_ refiner_training refiner_training_ freeze_encoder_ layer_freeze_strategy init_lora init_lora_ assistant_lora_
      disable_assistant_lora lora_ lycoris_config peft_lora_ singlora_ slider_ use_dora init_lokr_norm validation_lycoris_strength sana_
      longcat_ kandinsky5_ heartmula_ anima_ chroma_`),
  },
  {
    reason: 'weights are float32, and where they are is for ONNX Runtime to say',
    keys: words(`
      base_model_precision base_model_default_dtype quantize_ quantization_config sdnq_ mixed_precision gradient_precision
      gradient_checkpointing_ vae_dtype disable_tf32 attention_mechanism sla_config sageattention_usage
      enable_group_offload group_offload_ offload_ musubi_ ramtorch ramtorch_ delete_model_after_load optimizer_cpu_offload_method
      optimizer_offload_gradients optimizer_release_gradients fuse_optimizer set_grads_to_none ema_device ema_cpu_only ema_foreach_disable
      torch_num_threads dynamo_ accelerator_cache_clear_interval`),
  },
  {
    reason: 'a run has one process, on one machine',
    keys: words(`
      accelerate_ deepspeed_ fsdp_ context_parallel_ find_unused_parameters num_processes num_machines main_process_ machine_rank
      same_network local_rank seed_for_each_device`),
  },
  {
    reason: 'metrics, samples and the report are files of the run folder',
    keys: words(`
      report_to custom_tracker tracker_ logging_dir webhook_ push_ hub_ publishing_config model_card_ modelspec_comment post_ configs_dir
      merge_environment_config print_sampler_statistics disable_benchmark enable_watermark`),
  },
  {
    reason: 'sample grids are drawn from classes and noise, by the other options of validation',
    keys: words(`
      validation_prompt validation_prompt_library user_prompt_library validation_negative_prompt validation_resolution validation_input
      validation_preview validation_preview_ validation_image_ validation_guidance_ validation_disable validation_disable_ validation_adapter_
      validation_method validation_external_ validation_on_startup validation_using_datasets validation_randomize validation_multigpu
      validation_stitch_ validation_num_video_frames validation_seed_source validation_epoch_interval validation_lyrics validation_audio_
      validation_torch_compile validate_after_ num_validation_images num_eval_images eval_ evaluation_type pretrained_evaluation_
      inference_scheduler_timestep_spacing sdxl_validation_ pixart_validation_ deepfloyd_validation_ ema_validation`),
  },
  {
    reason: 'a run is counted in steps, and its checkpoints too',
    keys: words(`
      num_train_epochs strict_epoch_limit checkpoint_epoch_interval checkpointing_rolling_steps checkpoints_rolling_total_limit
      checkpointing_use_tempdir delete_invalid_checkpoints disk_low_`),
  },
  {
    reason: 'the method is not one of those here',
    keys: words(`
      crepa_ urepa_ irepa_ layersync_ nextlat_ xm_ twinflow_ internal_guidance_ validation_internal_guidance_scale distillation_ diff2flow_
      flow_cubic_schedule_weights flow_custom_timesteps flow_timesteps_mode timestep_bias_ training_scheduler_timestep_spacing
      disable_segmented_timestep_sampling noise_offset noise_offset_ offset_noise masked_loss_probability snr_weight prodigy_steps
      ema_update_interval ema_warmup_steps lr_scale lr_scale_sqrt text_encoder_lr i_know_what_i_am_doing`),
  },
]

const matches = (name: string, key: string): boolean =>
  key.endsWith('_') ? name.startsWith(key) : name === key

/**
 * Why a key of SimpleTuner's has no meaning here; undefined where it is not known to be one, or is an option.
 *
 * @example
 * const reason = foreignReason('report_to') // 'metrics, samples and the report are files of the run folder'
 */
export const foreignReason = (name: string): string | undefined =>
  optionKeyOf(name) !== undefined
    ? undefined
    : groups.find(({ keys }) => keys.some((key) => matches(name, key)))?.reason
